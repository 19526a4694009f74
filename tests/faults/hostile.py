"""Every way in which a handler can end, for the fault tests: chosen by chance, one for each try."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from graph_orch import TaskFailure, ValidationError

LATE_SECONDS = 1.5
"""Longer than the tasks that have one have time to finish, see `test_hostile_handlers`."""


class Panic(BaseException):
    """What an extension module may raise."""


class Mute(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


ERRORS: list[Callable[[], BaseException]] = [
    lambda: ValueError("half \ud800" + "x" * 200_000),
    lambda: Mute(),
    lambda: type("", (Exception,), {})("no name"),
    lambda: ExceptionGroup("both", [ValueError("a"), TaskFailure("b", "permanent")]),
    lambda: ValidationError("of another call"),
    lambda: TaskFailure("429", "timeout", retry_after=-0.2),
    lambda: TaskFailure("for good", "permanent"),
    lambda: TaskFailure("by another", exclude_agent=False, retry_after=0.05),
    lambda: Panic("panic"),
    lambda: GeneratorExit(),
    lambda: KeyboardInterrupt(),
    lambda: SystemExit(3),
    lambda: StopIteration("over"),
    lambda: asyncio.CancelledError(),
]
RESULTS: list[Callable[[], object]] = [
    object,
    threading.Lock,
    lambda: "half \ud800",
    lambda: "x" * 1_000_001,
    lambda: (n for n in range(3)),
]


def plain_end(chance: Random, result: object) -> Any:
    """End as a function in a thread may; a coroutine of its own kind of ends among that."""
    match chance.randrange(8):
        case 0 | 1:
            raise chance.choice(ERRORS)()
        case 2:
            return chance.choice(RESULTS)()
        case 3:
            time.sleep(LATE_SECONDS)  # it heeds nothing, and its thread goes on
            return result
        case 4 | 5:
            return awaited_end(chance, result)
        case _:
            return result


async def awaited_end(chance: Random, result: object) -> object:
    """End as a coroutine may."""
    match chance.randrange(7):
        case 0:
            raise chance.choice(ERRORS)()
        case 1:
            return chance.choice(RESULTS)()
        case 2:
            sleeping = asyncio.ensure_future(asyncio.sleep(60))
            sleeping.cancel()
            await sleeping
        case 3:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(60)
        case 4:
            try:
                await asyncio.sleep(LATE_SECONDS)
            except asyncio.CancelledError:
                raise RuntimeError("on the way out") from None
    return result
