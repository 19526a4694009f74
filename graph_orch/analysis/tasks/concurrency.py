"""How many tasks can run at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graph_orch.analysis.tasks.graph import Duration, chosen, durations
from graph_orch.domain.precedence import critical_path_of


@dataclass(frozen=True)
class Parallelism:
    """How many tasks run at once, each started as early as it can be.

    `counts[i]` tasks run from `times[i]` (seconds) until `times[i + 1]`; the last count is 0. Both
    are empty where nothing takes any time. `work` is the seconds of all tasks together, `span`
    those of the critical path: what one agent, and what any number of agents needs at least.
    `mean` is the average over the span.
    """

    times: list[float]
    counts: list[int]
    peak: int
    mean: float
    work: float
    span: float

    @property
    def speedup(self) -> float:
        """work / span: how many times faster than one agent any number of agents can be at most."""
        return self.work / self.span if self.span else 0.0


def parallelism(
    graph: object, duration: Duration = "estimated", *, remaining: bool = False
) -> Parallelism:
    """How many tasks run at once over time, where each starts as early as its dependencies let it.

    work / span is the average parallelism of Eager, Zahorjan and Lazowska (1989): more agents than
    `peak` are of no use, and with about `mean` of them the whole is at least half as fast as it can
    be. O(n log n).

    Args:
        graph: Edges go from a task to what it depends on.
        duration: How long a task takes, see `Duration`.
        remaining: Without the tasks that have ended.

    Raises:
        ValidationError: the graph cannot hold tasks, or has a cycle; a duration is no number.
    """
    facts, dependencies = chosen(graph, None, remaining)
    found = critical_path_of(dependencies, durations(graph, facts, duration))
    runs = [(it.earliest_start, it.earliest_finish) for it in found.tasks.values()]
    times, counts = _steps((start, end) for start, end in runs if end > start)
    area = sum(count * (times[at + 1] - times[at]) for at, count in enumerate(counts) if count)
    return Parallelism(
        times=times,
        counts=counts,
        peak=max(counts, default=0),
        mean=area / found.seconds if found.seconds else 0.0,
        work=sum(it.seconds for it in found.tasks.values()),
        span=found.seconds,
    )


def _steps(runs: Iterable[tuple[float, float]]) -> tuple[list[float], list[int]]:
    changes: dict[float, int] = {}
    for start, end in runs:
        changes[start] = changes.get(start, 0) + 1
        changes[end] = changes.get(end, 0) - 1
    times: list[float] = []
    counts: list[int] = []
    count = 0
    for time in sorted(changes):
        if changes[time]:
            count += changes[time]
            times.append(time)
            counts.append(count)
    return times, counts
