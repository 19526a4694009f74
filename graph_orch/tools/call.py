"""What a tool's function is called with, besides its parameters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from graph_orch._async.orchestrator import AsyncOrchestrator
from graph_orch.tools.parameters import LONGEST_WAIT_SECONDS

T = TypeVar("T")
LONGEST_CALL_SECONDS = LONGEST_WAIT_SECONDS + 60.0
"""The longest that a call may take: the longest wait, and what the store may need besides."""

Report = Callable[[float, float, str], Awaitable[None]]
"""Tells the caller how far a long wait is: seconds gone, seconds in all, what it waits for."""


async def untold(gone: float, total: float, message: str) -> None:
    """Tell nobody."""


WhyNot = Callable[[str], str | None]
"""Why an operation of the table of rights is not served to who asks; None where it is."""


def administrator(operation: str) -> None:
    """Serve everything."""


@dataclass(frozen=True)
class Call:
    """A call of a tool: on which services, whom to tell how far it is, and what who asks may do."""

    orch: AsyncOrchestrator
    report: Report = untold
    why_not: WhyNot = administrator


_left: set[asyncio.Task[Any]] = set()
"""Calls that nobody waits for any more, which would be lost if nothing referred to them."""


async def within(seconds: float, call: Coroutine[Any, Any, T]) -> T:
    """The answer of a call. One that does not end when it is cancelled is not waited for.

    Raises:
        TimeoutError: its time is up.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            _left.add(task)
            task.add_done_callback(_forget)
    if not task.done():
        raise TimeoutError
    return task.result()


def _forget(task: asyncio.Task[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()  # nobody else asks for it
