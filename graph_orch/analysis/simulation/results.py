"""What a simulation found: tasks, tries, agents, the queue, and their figures."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from math import fsum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class Outcome(StrEnum):
    """How a task ended, or why it did not."""

    COMPLETED = "completed"
    FAILED = "failed"  # its retries are used up
    CANCELLED = "cancelled"  # with a dependency that failed or was cancelled
    UNROUTABLE = "unroutable"  # ready, and no agent has its skills
    REFUSED = "refused"  # ready, and the router found nobody good enough
    BLOCKED = "blocked"  # waits for a task that will never be completed


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of a task. Times are seconds since the start of the simulation.

    `ready`: first free to be worked on; `started`: its first try; `finished`: completed, failed or
    cancelled; None: never. `wait`: seconds in which it was ready and nobody worked on it, in all
    (pauses before retries are not among them); `work`: seconds of all its tries.
    """

    task_id: Hashable
    task_type: str
    outcome: Outcome
    agent_id: Hashable
    arrived: float
    ready: float | None
    started: float | None
    finished: float | None
    tries: int
    wait: float
    work: float
    reason: str | None


@dataclass(frozen=True, slots=True)
class Try:
    """One try, as a bar of a Gantt chart: the agent's slot numbers begin at 0."""

    task_id: Hashable
    agent_id: Hashable
    attempt: int
    slot: int
    started_at: float
    ended_at: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class AgentResult:
    """What became of an agent. `busy_seconds` adds up its slots; `utilization` is their share of
    max_concurrent_tasks * makespan. `success_rate` is that at the end, history included."""

    agent_id: Hashable
    max_concurrent_tasks: int
    busy_seconds: float
    utilization: float
    completed: int
    failed: int
    success_rate: float


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that the tasks which were started had waited; all 0 where none was.

    Percentiles are interpolated linearly.
    """

    count: int
    mean: float
    p50: float
    p90: float
    p99: float
    longest: float


@dataclass(frozen=True)
class SimulationResult:
    """What a simulation found. Times are seconds since the start of the simulation.

    `tasks` stand in the order of the workload, `tries` in that of their ends. `queue` is a step
    function: (time, ready tasks that nobody works on from then on). `cycles` are the groups of
    tasks that wait for each other in a circle. `ended_at` is the time of the last event.
    """

    mode: str
    seed: int
    tasks: tuple[TaskResult, ...]
    agents: tuple[AgentResult, ...]
    tries: tuple[Try, ...]
    queue: tuple[tuple[float, int], ...]
    cycles: tuple[tuple[Hashable, ...], ...]
    started_at: float
    ended_at: float
    makespan: float

    @cached_property
    def counts(self) -> dict[Outcome, int]:
        """How many tasks had each outcome; every outcome is there."""
        found = dict.fromkeys(Outcome, 0)
        for task in self.tasks:
            found[task.outcome] += 1
        return found

    @property
    def completed(self) -> int:
        """How many tasks were completed."""
        return self.counts[Outcome.COMPLETED]

    @property
    def failed(self) -> int:
        """How many tasks used up their retries."""
        return self.counts[Outcome.FAILED]

    @property
    def cancelled(self) -> int:
        """How many tasks were cancelled with what they depend on."""
        return self.counts[Outcome.CANCELLED]

    @property
    def unroutable(self) -> int:
        """How many ready tasks no agent has the skills for."""
        return self.counts[Outcome.UNROUTABLE]

    @property
    def refused(self) -> int:
        """How many ready tasks the router left to the end."""
        return self.counts[Outcome.REFUSED]

    @property
    def blocked(self) -> int:
        """How many tasks wait for ever: for a task that is not completed, or in a cycle."""
        return self.counts[Outcome.BLOCKED]

    @cached_property
    def waits(self) -> Waits:
        """Of the tasks that were started."""
        found = np.array([task.wait for task in self.tasks if task.tries], dtype=float)
        if not found.size:
            return Waits(0, 0.0, 0.0, 0.0, 0.0, 0.0)
        p50, p90, p99, longest = (float(it) for it in np.percentile(found, [50, 90, 99, 100]))
        return Waits(found.size, fsum(found) / found.size, p50, p90, p99, longest)

    @property
    def total_wait_seconds(self) -> float:
        """The waits of all tasks, those that were never started included."""
        return fsum(task.wait for task in self.tasks)

    @property
    def mean_queue_length(self) -> float:
        """The mean over time of the ready tasks that nobody works on, from the first arrival to
        the last event. By Little's law it is the rate of arrivals times the mean wait."""
        span = self.ended_at - self.started_at
        return self.queue_seconds / span if span else 0.0

    @cached_property
    def queue_seconds(self) -> float:
        """The queue's length, integrated over time."""
        steps = pairwise([*self.queue, (self.ended_at, 0)])
        return fsum((end - at) * length for (at, length), (end, _) in steps)

    @property
    def longest_queue(self) -> int:
        """The most ready tasks that waited at once."""
        return max((length for _, length in self.queue), default=0)

    @property
    def utilization(self) -> float:
        """The share of all slots that was busy, over the makespan."""
        slots = sum(agent.max_concurrent_tasks for agent in self.agents)
        busy = fsum(agent.busy_seconds for agent in self.agents)
        return busy / (slots * self.makespan) if slots and self.makespan else 0.0

    @property
    def throughput(self) -> float:
        """Tasks completed a second, over the makespan."""
        return self.completed / self.makespan if self.makespan else 0.0

    def summary(self) -> dict[str, float]:
        """The figures in which simulations are compared, by name."""
        waits = self.waits
        return {
            "makespan": self.makespan,
            "mean_wait": waits.mean,
            "p50_wait": waits.p50,
            "p90_wait": waits.p90,
            "p99_wait": waits.p99,
            "mean_queue_length": self.mean_queue_length,
            "longest_queue": self.longest_queue,
            "utilization": self.utilization,
            "throughput": self.throughput,
            "tries": len(self.tries),
            **{outcome.value: count for outcome, count in self.counts.items()},
        }

    def to_frame(self) -> pd.DataFrame:
        """The tasks as a table, a row each."""
        return _frame(TaskResult, self.tasks)

    def agents_to_frame(self) -> pd.DataFrame:
        """The agents as a table, a row each."""
        return _frame(AgentResult, self.agents)

    def tries_to_frame(self) -> pd.DataFrame:
        """The tries as a table, a row each: the bars of a Gantt chart."""
        return _frame(Try, self.tries)

    def queue_to_frame(self) -> pd.DataFrame:
        """The length of the queue over time: columns time and length."""
        import pandas as pd

        return pd.DataFrame(list(self.queue), columns=["time", "length"])


def _frame(kind: type[TaskResult | AgentResult | Try], rows: tuple[object, ...]) -> pd.DataFrame:
    import pandas as pd

    names = [field.name for field in fields(kind)]
    return pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)
