"""What a tool's function is called with, besides its parameters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from graph_orch._async.orchestrator import AsyncOrchestrator

Report = Callable[[float, float, str], Awaitable[None]]
"""Tells the caller how far a long wait is: seconds gone, seconds in all, what it waits for."""


async def untold(gone: float, total: float, message: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Call:
    """A call of a tool: on which services, and whom to tell how far it is."""

    orch: AsyncOrchestrator
    report: Report = untold
