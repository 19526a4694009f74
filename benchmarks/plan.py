"""How much is measured: by `make bench`, and by `make bench-full`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """Sizes of the workloads."""

    backlogs: tuple[int, ...] = (1_000, 1_000_000)
    agents: tuple[tuple[int, int], ...] = ((1_000, 100), (10_000, 1_000))
    """Numbers of agents, each with so many skills to have ten of."""
    finished: int = 1_000_000
    lanes: int = 50_000
    flow: int = 100_000
    """Tasks of a large workflow."""
    pages: tuple[int, ...] = (100, 10_000, 100_000)
    """Numbers of tasks that the dashboard shows."""
    workers: tuple[int, ...] = (16,)
    rounds: int = 5
    calls: int = 40
    slow_calls: int = 8
    single_tasks: int = 500
    batch_tasks: int = 8_000
    full: bool = False
    traces: Path | None = None


FULL = Plan(
    backlogs=(1_000, 10_000, 100_000, 1_000_000),
    agents=((10, 100), (100, 100), (1_000, 100), (10_000, 1_000)),
    pages=(100, 10_000, 100_000, 1_000_000),
    workers=(16, 1, 8),
    calls=100,
    single_tasks=1_000,
    batch_tasks=20_000,
    full=True,
)
