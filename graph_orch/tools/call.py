"""The context of a call of a tool, and the limit of its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from graph_orch._async.orchestrator import AsyncOrchestrator
from graph_orch.tools.parameters import LONGEST_WAIT_SECONDS

T = TypeVar("T")
LONGEST_CALL_SECONDS = LONGEST_WAIT_SECONDS + 60.0
"""The longest wait, and a minute for the store."""

Report = Callable[[float, float, str], Awaitable[None]]
"""Reports the progress of a long wait: seconds passed, seconds in all, what it waits for."""


async def no_report(passed: float, total: float, message: str) -> None:
    """Report nothing."""


WhyNot = Callable[[str], str | None]
"""Why the caller may not use an operation of the table of rights; None if it may."""


def administrator(operation: str) -> None:
    """Allow everything."""


@dataclass(frozen=True)
class Call:
    """The context of a call: the services, how to report progress, and the caller's rights."""

    orch: AsyncOrchestrator
    report: Report = no_report
    why_not: WhyNot = administrator


_abandoned: set[asyncio.Task[Any]] = set()
"""Cancelled calls that still run; the event loop keeps only weak references to its tasks."""


async def within(seconds: float, call: Coroutine[Any, Any, T]) -> T:
    """The answer of a call, unlike `asyncio.timeout` also if the call ignores its cancellation.

    Raises:
        TimeoutError: the call takes longer. It is cancelled, and nobody waits for its end.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            _abandoned.add(task)
            task.add_done_callback(_forget)
    if not task.done():
        raise TimeoutError
    return task.result()


def _forget(task: asyncio.Task[Any]) -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()  # retrieved, so that asyncio does not log it as never retrieved
