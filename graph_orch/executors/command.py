"""Agents in any language: a command runs for each task, and prints its result.

The command gets the task as one JSON object on standard input, with the results of its dependencies
under `results`. Its standard output is the result: JSON, or else text. Exit code 0 completes the
task, 65 (EX_DATAERR) fails it for good, and any other fails the try. Nothing of a task reaches a
command line or the environment, and no shell is involved.

While it runs it may ask for steps, tasks, gates and more: see `lines`.

Of the worker's environment the command gets the variables in `SAFE` and those that are named, so
that it does not see the passwords and tokens of the worker.

The task ends when the command exits, even if a process that it started still runs and holds its
output open. Such processes are ended then, and also when the task is cancelled or timed out: by
SIGTERM, and after five seconds by SIGKILL. Only a process that made its own session survives.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from fnmatch import fnmatchcase
from typing import Any, BinaryIO, cast

from pydantic import JsonValue

from graph_orch.domain.fields import MAX_BYTES
from graph_orch.domain.lifecycle import ErrorClass
from graph_orch.errors import ValidationError
from graph_orch.executors.lines import Lines
from graph_orch.worker import AsyncContext, TaskFailure

DATA_ERROR = 65
TAIL_CHARACTERS = 2_000
TAIL_BYTES = 4 * TAIL_CHARACTERS
MOST_PRINTED = 16 * MAX_BYTES
"""Bytes of standard output after which a command is ended. From `MAX_BYTES` on they are counted but
not kept, since a result may not be larger."""
MOST_ERRORS = 256 * MAX_BYTES
"""The same for standard error, where a command that works for hours may log much."""
SAFE = (
    "HOME",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
)
"""The variables that every command gets: its user, the places of programs and files, the language.
None of them holds a secret, as the variables of proxies may."""
END_SECONDS = 5.0
LAST_SECONDS = 1.0
"""The time to read the last output and requests of a command when others hold its pipes open."""
LOOK_SECONDS = 0.05


def command_handler(
    command: str | Sequence[str], *, env: Iterable[str] = ()
) -> Callable[[AsyncContext], Awaitable[JsonValue]]:
    """A handler that runs a command for each task.

    Args:
        command: A program and its arguments; a string is split by the rules of a POSIX shell.
        env: Names of environment variables that the command gets besides `SAFE`, with the values
            that they have when it starts.

    Raises:
        ValidationError: the command is empty, is not found, or has an unclosed quote; or a named
            variable is not set.
    """
    arguments = _split(command)
    names = [env] if isinstance(env, str) else list(env)
    for name in names:
        if "=" in name:
            raise ValidationError(
                "env: give the name of a variable without its value, which everybody on this "
                "machine could see in the list of processes"
            )
        if name not in os.environ:
            raise ValidationError(f"env: the variable {name!r} is not set; set it, or leave it out")

    async def run(ctx: AsyncContext) -> JsonValue:
        task = ctx.task.model_dump(mode="json") | {"results": await ctx.results()}
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in names or any(fnmatchcase(name, pattern) for pattern in SAFE)
        }
        return await _run(arguments, json.dumps(task).encode(), environment, Lines(ctx))

    return run


def _split(command: str | Sequence[str]) -> list[str]:
    try:
        arguments = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as error:
        raise ValidationError(f"the command {command!r} cannot be split: {error}") from error
    if not arguments:
        raise ValidationError("the command is empty")
    if shutil.which(arguments[0]) is None:
        raise ValidationError(f"the command {arguments[0]!r} is not found, or cannot be run")
    return arguments


async def _run(
    arguments: Sequence[str], given: bytes, environment: Mapping[str, str], lines: Lines
) -> JsonValue:
    """Run a command once on the given input, and return its result."""
    flooded = asyncio.Event()
    output = _Reader(MAX_BYTES, MOST_PRINTED, flooded, from_end=False)
    errors = _Reader(TAIL_BYTES, MOST_ERRORS, flooded, from_end=True)
    # asyncio reports the exit of a process only when its own pipes are closed, which a process that
    # the command started may hold open. So the pipes are ours, and standard input is a file, since
    # a pipe would block us while the command does not read it.
    with _file_of(given) as stdin:
        async with (
            _pipe(output) as stdout,
            _pipe(errors) as stderr,
            lines.opened() as theirs,
        ):
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env={**environment, **lines.environment},
                pass_fds=lines.fds,
                start_new_session=True,
            )
            for end in (stdout, stderr, *theirs):  # only the command's copies keep them open now
                end.close()
            serving = asyncio.ensure_future(lines.serve())
            served, over = asyncio.Event(), asyncio.Event()
            serving.add_done_callback(lambda _: served.set())
            serving.add_done_callback(lambda it: None if _error_of(it) is None else over.set())
            try:
                ends = (process.wait(), flooded.wait(), over.wait())
                await _wait(ends, None, asyncio.FIRST_COMPLETED)
                cut_off = process.returncode is None  # if not, what it left running flooded us
                ends = (output.ended.wait(), errors.ended.wait(), served.wait())
                await _wait(ends, LAST_SECONDS, asyncio.ALL_COMPLETED)
            finally:
                await _end_group(process)
                await _ended(serving)
    if cut_off and (error := _error_of(serving)) is not None:
        raise error
    if cut_off:
        raise TaskFailure(
            f"the command was ended when it had printed {output.total:,} bytes, and "
            f"{errors.total:,} of errors; a result may have {MAX_BYTES:,}, errors {MOST_ERRORS:,}",
            ErrorClass.PERMANENT,
        )
    return _result(process.returncode or 0, output, errors)


def _error_of(serving: asyncio.Future[None]) -> BaseException | None:
    return None if serving.cancelled() else serving.exception()


async def _ended(serving: asyncio.Future[None]) -> None:
    """Wait until nothing that the command asked for is being done any more."""
    serving.cancel()
    await asyncio.wait([serving])


class _Reader(asyncio.Protocol):
    """Reads everything that a command writes, and keeps the first or last `kept` bytes of it.

    It sets `flooded` when more than `most` bytes have come.
    """

    def __init__(self, kept: int, most: int, flooded: asyncio.Event, *, from_end: bool) -> None:
        self.kept = bytearray()
        self.total = 0
        self.ended = asyncio.Event()
        self._kept_most = kept
        self._most = most
        self._flooded = flooded
        self._from_end = from_end

    def data_received(self, data: bytes) -> None:
        self.total += len(data)
        if self.total > self._most:
            self._flooded.set()
        if self._from_end:
            self.kept += data
            del self.kept[: -self._kept_most]
        else:
            self.kept += data[: self._kept_most - len(self.kept)]

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


@contextlib.asynccontextmanager
async def _pipe(reader: _Reader) -> AsyncGenerator[BinaryIO]:
    """The write end of a pipe that `reader` reads."""
    read, write = os.pipe()
    with os.fdopen(read, "rb", 0) as source, os.fdopen(write, "wb", 0) as end:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: reader, source)
        try:
            yield end
        finally:
            transport.close()


def _file_of(given: bytes) -> BinaryIO:
    """An unnamed file that holds these bytes, in memory on Linux."""
    if sys.platform == "linux":
        file = cast(BinaryIO, os.fdopen(os.memfd_create("task"), "w+b"))
    else:
        file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
    file.write(given)
    file.seek(0)
    return file


async def _wait(
    waiting: Iterable[Coroutine[Any, Any, object]], seconds: float | None, until: str
) -> None:
    """`asyncio.wait`, after which nothing waits any more."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in waiting]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=until)
    finally:
        for task in tasks:
            task.cancel()


def _result(code: int, output: _Reader, errors: _Reader) -> JsonValue:
    if code != 0:
        tail = errors.kept.decode(errors="replace").strip()[-TAIL_CHARACTERS:]
        kind = ErrorClass.PERMANENT if code == DATA_ERROR else ErrorClass.TRANSIENT
        what = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
        raise TaskFailure(f"{what}: {tail}" if tail else what, kind)
    if output.total > MAX_BYTES:
        raise TaskFailure(
            f"the command printed {output.total:,} bytes, and a result may have {MAX_BYTES:,}",
            ErrorClass.PERMANENT,
        )
    text = output.kept.decode(errors="replace").strip()
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """End the process group of a command, which may outlive the command itself."""
    try:
        if _signal_group(process.pid, signal.SIGTERM):
            _signal_group(process.pid, signal.SIGCONT)  # a stopped process gets no SIGTERM
        await _until_gone(process.pid, 0)
        # SIGKILL is repeated, since they may fork into the same group meanwhile.
        await _until_gone(process.pid, signal.SIGKILL)
    except asyncio.CancelledError:
        _signal_group(process.pid, signal.SIGKILL)
        raise
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await process.wait()


async def _until_gone(group: int, number: int) -> None:
    """Send a signal to a process group until it is empty, but at most for `END_SECONDS`."""
    left = END_SECONDS
    while left > 0 and _signal_group(group, number):
        await asyncio.sleep(LOOK_SECONDS)
        left -= LOOK_SECONDS


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; whether it had processes. The signal 0 only checks."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
