"""What a command may ask of its worker while it runs: a line of JSON, answered by a line of JSON.

Requests are written to the file that `GRAPH_ORCH_ASK` names, answers are read from that of
`GRAPH_ORCH_ANSWER`. They come one after the other, and mean what the methods of a context mean:

    {"step": NAME}             what was kept: {"result": …}; else {"run": true}, to which the
                               command says {"result": …} when it has run the step; when it is
                               kept, that is the answer
    {"record": {"tokens": 5}}  what the work has used: {}
    {"progress": 0.5, "message": TEXT}
    {"spawn": [TASK, …], "before": [ID, …]}            {"result": [ID, …]}
    {"gather": [ID, …]}                                {"result": {ID: …}}
    {"approval": QUESTION, "approvers": [NAME, …]}     {"result": {"decision": …}}
    {"input": QUESTION, "schema": …}                   {"result": …}
    {"sleep": SECONDS}                                 {}

What is refused is answered by {"error": TEXT}. Where a wait begins, the command is ended, and runs
again from its start when nothing holds the task any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator
from typing import Any, BinaryIO, cast

from pydantic import JsonValue

from graph_orch.domain.fields import MAX_BYTES
from graph_orch.errors import ValidationError, describe, text_of
from graph_orch.worker import AsyncContext

ASK, ANSWER = "GRAPH_ORCH_ASK", "GRAPH_ORCH_ANSWER"
"""The variables by which a command finds the two files."""
MOST_LINE = 16 * MAX_BYTES
"""Bytes of one request: a result may have `MAX_BYTES`, and JSON writes a character in up to six."""


class Lines:
    """The two pipes between a worker and its command."""

    def __init__(self, ctx: AsyncContext) -> None:
        self._ctx = ctx
        self._asked = asyncio.StreamReader(limit=MOST_LINE)
        self._answers: asyncio.StreamWriter | None = None
        self.fds: tuple[int, int] = (-1, -1)
        """The command's ends: the one that it writes, the one that it reads."""

    @property
    def environment(self) -> dict[str, str]:
        """Where the command finds its ends: as files, since some shells know one digit only."""
        asks, answers = self.fds
        return {ASK: f"/dev/fd/{asks}", ANSWER: f"/dev/fd/{answers}"}

    async def serve(self) -> None:
        """Answer until the command closes its end.

        Raises:
            TryEnded: a wait begins, or nobody wants the result any more.
        """
        with contextlib.suppress(ConnectionError):  # the command has ended, or closed its end
            while True:
                try:
                    line = await self._asked.readline()
                except ValueError:
                    await self._say({"error": f"a request may have {MOST_LINE:,} bytes"})
                    continue
                if not line:
                    return
                await self._say(await self._reply(line))

    async def _reply(self, line: bytes) -> JsonValue:
        try:
            return await self._done(json.loads(line))
        except ConnectionError:
            raise
        except Exception as error:  # whatever a line holds, the command is told
            is_ours = isinstance(error, ValidationError)
            return {"error": text_of(error) if is_ours else describe(error)}

    async def _done(self, request: Any) -> JsonValue:
        """Do what a request asks for, and give the answer."""
        ctx = self._ctx
        match request:
            case {"step": name}:
                return {"result": await ctx.step(name, self._run)}
            case {"record": dict()}:
                ctx.record(**request["record"])
            case {"progress": ratio}:
                ctx.heartbeat(ratio, request.get("message"))
            case {"spawn": tasks}:
                ids = await ctx.spawn(tasks, request.get("before", ()))
                return {"result": cast("list[JsonValue]", ids)}
            case {"gather": ids}:
                return {"result": await ctx.gather(ids)}
            case {"approval": question}:
                decision = await ctx.approval(question, approvers=request.get("approvers", ()))
                return {"result": decision.model_dump(mode="json")}
            case {"input": question}:
                approvers = request.get("approvers", ())
                answer = await ctx.input(question, request.get("schema"), approvers=approvers)
                return {"result": answer}
            case {"sleep": seconds}:
                await ctx.sleep(seconds)
            case _:
                raise ValidationError(
                    "a line asks for one of step, record, progress, spawn, gather, approval, "
                    f"input and sleep, and this was {json.dumps(request)[:200]}"
                )
        return {}

    async def _run(self) -> JsonValue:
        """Let the command run a step, and wait for what it gave; meanwhile it may say more."""
        await self._say({"run": True})
        while line := await self._asked.readline():
            said = json.loads(line)
            if isinstance(said, dict) and "result" in said:
                return cast("dict[str, JsonValue]", said)["result"]
            if not isinstance(said, dict) or not {"record", "progress"} & said.keys():
                raise ValidationError(
                    'a step that runs ends with {"result": …}; before that only record and '
                    "progress are answered; nothing was kept"
                )
            await self._say(await self._reply(line))
        raise ConnectionError("the command ended in the middle of a step")

    async def _say(self, reply: JsonValue) -> None:
        assert self._answers is not None
        self._answers.write(json.dumps(reply).encode() + b"\n")
        await self._answers.drain()

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncGenerator[tuple[BinaryIO, BinaryIO]]:
        """Open the pipes, and give the command's ends, to be closed once it has begun."""
        loop = asyncio.get_running_loop()
        asks_read, asks_write = os.pipe()
        answers_read, answers_write = os.pipe()
        self.fds = (asks_write, answers_read)
        with (
            os.fdopen(asks_read, "rb", 0) as asked,
            os.fdopen(asks_write, "wb", 0) as asks,
            os.fdopen(answers_read, "rb", 0) as answers,
            os.fdopen(answers_write, "wb", 0) as answered,
        ):
            protocol = asyncio.StreamReaderProtocol(self._asked)
            reading, _ = await loop.connect_read_pipe(lambda: protocol, asked)
            flow = asyncio.StreamReaderProtocol(asyncio.StreamReader())
            writing, _ = await loop.connect_write_pipe(lambda: flow, answered)
            self._answers = asyncio.StreamWriter(writing, flow, None, loop)
            try:
                yield asks, answers
            finally:
                reading.close()
                if not writing.is_closing():  # it closes itself when the command has ended
                    writing.abort()
