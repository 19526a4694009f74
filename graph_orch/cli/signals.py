"""SIGTERM and SIGINT end a command, whatever it does, also as process 1.

In a container a command may be process 1, for which the kernel ignores a signal without a handler.
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
    """A signal ends this process; only `main` catches it."""


@contextmanager
def ended_by_signals() -> Generator[None]:
    """Raise SystemExit on SIGTERM, so that context managers exit; print nothing on SIGINT."""
    _raise_on_sigterm(ENDED)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def leave_in_order() -> None:
    """Exit with code 0 on SIGTERM, which is how this command is meant to end."""
    _raise_on_sigterm(0)


_codes: list[int] = []


def code_of_signal() -> int | None:
    """The exit code that a signal asked for; None where none came.

    A library written in another language may make an error of its own of what the handler raises
    within a call back into Python, as pydantic does while it builds a validator.
    """
    return _codes[-1] if _codes else None


def _raise_on_sigterm(code: int) -> None:
    def handler(number: int, frame: FrameType | None) -> None:
        _codes.append(code)
        raise ToldToEnd(code)

    signal.signal(signal.SIGTERM, handler)


@contextmanager
def left_at_once() -> Generator[None]:
    """Exit at once on SIGTERM and SIGINT, while the block runs.

    While a thread of the event loop starts the embedded server, nothing else can end the process
    before that thread ends. The server ends with its last user, however that user ends.
    """
    before = {
        number: signal.signal(number, _exit_at_once) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(0 if number == signal.SIGTERM else INTERRUPTED)
