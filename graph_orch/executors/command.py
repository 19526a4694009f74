"""Agents in any language: a command for each task, the task on its input, the result on its output.

The command gets the task as one JSON object on standard input, with the results of its dependencies
under `results`. What it prints is the result: JSON, or else text. Exit code 0 completes the task;
65 (EX_DATAERR) fails it for good, any other fails the try. Nothing of a task reaches a command line
or the environment, and no shell is involved.

Of the worker's environment the command gets `SAFE` and what is named, so that it does not see the
passwords and tokens of the worker.

The task ends when the command does, though something that it started still runs and holds its
output. What it leaves running is ended then, and also when the task is cancelled or timed out:
asked first (SIGTERM), by force (SIGKILL) after five seconds. Only what made a session of its own
stays.
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

from graph_orch.domain.lifecycle import ErrorClass
from graph_orch.domain.values import MAX_BYTES
from graph_orch.errors import ValidationError
from graph_orch.worker import AsyncContext, TaskFailure

DATA_ERROR = 65
TAIL_CHARACTERS = 2_000
TAIL_BYTES = 4 * TAIL_CHARACTERS
MOST_PRINTED = 16 * MAX_BYTES
"""A command that prints more than that is ended; what is too much for a result is only counted."""
MOST_ERRORS = 256 * MAX_BYTES
"""The same for standard error, where a command that works for hours may say much."""
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
"""The variables that every command gets: who runs it, where programs and files are, which language
it speaks. None of them holds a secret, as those of proxies may."""
END_SECONDS = 5.0
LAST_SECONDS = 1.0
"""How long what the command wrote last may take to be read, where others hold its output open."""
LOOK_SECONDS = 0.05


def command_handler(
    command: str | Sequence[str], *, env: Iterable[str] = ()
) -> Callable[[AsyncContext], Awaitable[JsonValue]]:
    """A handler that runs a command for each task.

    Args:
        command: A program and its arguments; a string is split like a shell would, without one.
        env: Names of environment variables that the command gets besides `SAFE`, as they are when
            it is started.

    Raises:
        ValidationError: the command is empty, or has a quote that is not closed; or a variable
            that is named is not set.
    """
    arguments, names = _split(command), _variables(env)

    async def run(ctx: AsyncContext) -> JsonValue:
        given = ctx.task.model_dump(mode="json") | {"results": await ctx.results()}
        return await _run(arguments, json.dumps(given).encode(), _environment(names))

    return run


def _variables(names: Iterable[str]) -> list[str]:
    found = [names] if isinstance(names, str) else list(names)
    for name in found:
        if "=" in name:
            raise ValidationError(
                "env: give the name of a variable without its value, which everybody on this "
                "machine could see in the list of processes"
            )
        if name not in os.environ:
            raise ValidationError(f"env: the variable {name!r} is not set; set it, or leave it out")
    return found


def _environment(names: Sequence[str]) -> dict[str, str]:
    """What a command gets of this process's environment."""
    wanted = (*SAFE, *names)
    return {
        name: value
        for name, value in os.environ.items()
        if any(fnmatchcase(name, it) if it in SAFE else name == it for it in wanted)
    }


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


async def _run(arguments: Sequence[str], given: bytes, environment: Mapping[str, str]) -> JsonValue:
    """The result of one run of a command."""
    flooded = asyncio.Event()
    output = _Kept(MAX_BYTES, MOST_PRINTED, flooded, from_end=False)
    errors = _Kept(TAIL_BYTES, MOST_ERRORS, flooded, from_end=True)
    # Pipes of our own: the loop's count as part of the process, whose end it would then not tell
    # while anything that the command started holds one of them. A file never blocks who fills it.
    with _file_of(given) as stdin:
        async with _pipe(output) as stdout, _pipe(errors) as stderr:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=environment,
                start_new_session=True,
            )
            for end in (stdout, stderr):  # so that they are closed when the command closes them
                end.close()
            try:
                await _first(process.wait(), flooded.wait())
                cut_off = process.returncode is None  # else others flood what it left open
                await _within(LAST_SECONDS, output.ended.wait(), errors.ended.wait())
            finally:
                await _end_all(process)
    if cut_off:
        raise TaskFailure(
            f"the command was ended when it had printed {output.total:,} bytes, and "
            f"{errors.total:,} of errors; a result may have {MAX_BYTES:,}, errors {MOST_ERRORS:,}",
            ErrorClass.PERMANENT,
        )
    return _result(process.returncode or 0, output, errors)


class _Kept(asyncio.Protocol):
    """Reads what a command writes, all of it, and keeps so much of its beginning or its end.

    `flooded` is set when more came than is allowed.
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
async def _pipe(reader: _Kept) -> AsyncGenerator[BinaryIO]:
    """A pipe that is read by `reader`: the end to write to."""
    read, write = os.pipe()
    with os.fdopen(read, "rb", 0) as source, os.fdopen(write, "wb", 0) as end:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: reader, source)
        try:
            yield end
        finally:
            transport.close()


def _file_of(given: bytes) -> BinaryIO:
    """A file that holds this, in memory where the system has such files, and without a name."""
    if sys.platform == "linux":
        file = cast(BinaryIO, os.fdopen(os.memfd_create("task"), "w+b"))
    else:
        file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - whoever asks closes it
    file.write(given)
    file.seek(0)
    return file


async def _first(*waiting: Coroutine[Any, Any, object]) -> None:
    """Wait for one of these."""
    await _wait(waiting, None, asyncio.FIRST_COMPLETED)


async def _within(seconds: float, *waiting: Coroutine[Any, Any, object]) -> None:
    """Wait for all of these, but no longer than so many seconds."""
    await _wait(waiting, seconds, asyncio.ALL_COMPLETED)


async def _wait(
    waiting: Sequence[Coroutine[Any, Any, object]], seconds: float | None, until: str
) -> None:
    tasks = [asyncio.ensure_future(it) for it in waiting]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=until)
    finally:
        for task in tasks:
            task.cancel()


def _result(code: int, output: _Kept, errors: _Kept) -> JsonValue:
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


async def _end_all(process: asyncio.subprocess.Process) -> None:
    """End what is left of a command and what it started, though the command itself is gone."""
    try:
        if _signalled(process.pid, signal.SIGTERM):
            _signalled(process.pid, signal.SIGCONT)  # what is stopped hears no SIGTERM
        await _until_gone(process.pid, 0)
        # Again and again: what they fork meanwhile is of the same group.
        await _until_gone(process.pid, signal.SIGKILL)
    except asyncio.CancelledError:
        _signalled(process.pid, signal.SIGKILL)
        raise
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await process.wait()


async def _until_gone(group: int, number: int) -> None:
    """Send a signal to a process group until nobody is in it, or for `END_SECONDS`."""
    left = END_SECONDS
    while left > 0 and _signalled(group, number):
        await asyncio.sleep(LOOK_SECONDS)
        left -= LOOK_SECONDS


def _signalled(group: int, number: int) -> bool:
    """Whether there was somebody in a process group to get a signal; 0 only asks."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
