"""What SIGTERM and SIGINT do: they end the command, whatever it does, also as process 1.

The kernel ignores a signal for process 1, as a command is in a container, unless that has a
handler for it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

ENDED, INTERRUPTED = 143, 130


class ToldToEnd(SystemExit):
    """A signal told this process to end: nobody but `main` catches it."""


@contextmanager
def ended_by_signals() -> Generator[None]:
    """Leave by SystemExit on SIGTERM, so that all that is entered is left; SIGINT says nothing."""
    signal.signal(signal.SIGTERM, _end)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def leave_in_order() -> None:
    """SIGTERM is how this command ends: with exit code 0."""
    signal.signal(signal.SIGTERM, _leave)


@contextmanager
def left_at_once() -> Generator[None]:
    """Leave without a look back on SIGTERM and SIGINT, while the block runs.

    Where a thread of an event loop's starts the embedded server, nothing else ends the process
    before that thread does. The server ends with its last user, however that one ends.
    """
    before = {it: signal.signal(it, _drop) for it in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _drop(number: int, frame: FrameType | None) -> None:
    os._exit(0 if number == signal.SIGTERM else INTERRUPTED)


def _end(number: int, frame: FrameType | None) -> None:
    raise ToldToEnd(ENDED)


def _leave(number: int, frame: FrameType | None) -> None:
    raise ToldToEnd(0)
