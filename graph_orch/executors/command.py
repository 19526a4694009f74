"""Agents in any language: a command for each task, the task on its input, the result on its output.

The command gets the task as one JSON object on standard input, with the results of its dependencies
under `results`. What it prints is the result: JSON, or else text. Exit code 0 completes the task;
65 (EX_DATAERR) fails it for good, any other fails the try. Nothing of a task reaches a command line
or the environment, and no shell is involved.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
from collections.abc import Awaitable, Callable, Sequence

from pydantic import JsonValue

from graph_orch.errors import ValidationError
from graph_orch.lifecycle import ErrorClass
from graph_orch.values import MAX_BYTES
from graph_orch.worker import AsyncContext, TaskFailure

DATA_ERROR = 65
TAIL_CHARACTERS = 2_000
END_SECONDS = 5.0


def command_handler(command: str | Sequence[str]) -> Callable[[AsyncContext], Awaitable[JsonValue]]:
    """A handler that runs a command for each task.

    Args:
        command: A program and its arguments; a string is split like a shell would, without one.

    Raises:
        ValidationError: the command is empty, or has a quote that is not closed.
    """
    arguments = _split(command)

    async def run(ctx: AsyncContext) -> JsonValue:
        given = ctx.task.model_dump(mode="json") | {"results": await ctx.results()}
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = await process.communicate(json.dumps(given).encode())
        except asyncio.CancelledError:
            await _end(process)
            raise
        return _result(process.returncode or 0, output, errors)

    return run


def _split(command: str | Sequence[str]) -> list[str]:
    try:
        arguments = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as error:
        raise ValidationError(f"the command {command!r} cannot be split: {error}") from error
    if not arguments:
        raise ValidationError("the command is empty")
    return arguments


def _result(code: int, output: bytes, errors: bytes) -> JsonValue:
    if code != 0:
        tail = errors.decode(errors="replace").strip()[-TAIL_CHARACTERS:]
        kind = ErrorClass.PERMANENT if code == DATA_ERROR else ErrorClass.TRANSIENT
        what = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
        raise TaskFailure(f"{what}: {tail}" if tail else what, kind)
    if len(output) > MAX_BYTES:
        raise TaskFailure(
            f"the command printed {len(output):,} bytes, and a result may have {MAX_BYTES:,}",
            ErrorClass.PERMANENT,
        )
    text = output.decode(errors="replace").strip()
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command and what it started: asked first, then by force."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
                return
