"""What follows from who depends on whom: order, levels, chains, the critical path. Pure.

Everything takes plain mappings, of each task to what it depends on, and walks them in loops, never
by recursion: a chain of 100,000 is as good as a fan. Whoever is depended on counts as a task, even
where the mapping has no entry for it. What is tied keeps the order of the mapping.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from graph_orch.errors import ValidationError

N = TypeVar("N", bound=Hashable)
SHOWN = 10
NOISE = 1e-9
"""Of the whole: what is less is rounding, not slack."""


@dataclass(frozen=True)
class Chain(Generic[N]):
    """Tasks of which each depends on the one before, and their weights together."""

    ids: tuple[N, ...]
    weight: float


class Timing(NamedTuple):
    """When a task can and must run, in seconds after the start of the whole.

    `total_slack` is how much later it may finish without the whole taking longer; `free_slack`
    without any other task starting later (Kelley and Walker 1959).
    """

    seconds: float
    earliest_start: float
    earliest_finish: float
    latest_start: float
    latest_finish: float
    total_slack: float
    free_slack: float

    @property
    def is_critical(self) -> bool:
        """Whether the whole takes longer where this task does."""
        return self.total_slack == 0


@dataclass(frozen=True)
class CriticalPath(Generic[N]):
    """The chain of tasks that decides how long the whole takes, first to last.

    `seconds` is how long that is: the least that any number of agents needs. `tasks` has the times
    of every task, in an order in which they can run.
    """

    path: tuple[N, ...]
    seconds: float
    tasks: Mapping[N, Timing]


def levels_of(dependencies: Mapping[N, Collection[N]]) -> list[list[N]]:
    """The tasks by how long the longest chain of others below them is: level 0 has none.

    Raises:
        ValidationError: they depend on each other in a circle.
    """
    waiting, dependents = _counted(dependencies)
    level = [key for key, count in waiting.items() if not count]
    levels: list[list[N]] = []
    while level:
        levels.append(level)
        level = _released(level, waiting, dependents)
    if any(waiting.values()):
        raise ValidationError(f"the tasks form a cycle: {shown(_a_cycle(dependencies, waiting))}")
    return levels


def _counted(
    dependencies: Mapping[N, Collection[N]],
) -> tuple[dict[N, int], dict[N, list[N]]]:
    """How many each waits for, and who waits for each."""
    waiting: dict[N, int] = {}
    dependents: dict[N, list[N]] = {}
    for key, others in dependencies.items():
        waiting[key] = len(others)
        for other in others:
            dependents.setdefault(other, []).append(key)
    for other in dependents:
        waiting.setdefault(other, 0)
    return waiting, dependents


def _released(
    level: Iterable[N], waiting: dict[N, int], dependents: Mapping[N, Iterable[N]]
) -> list[N]:
    released: list[N] = []
    for key in level:
        for other in dependents.get(key, ()):
            waiting[other] -= 1
            if not waiting[other]:
                released.append(other)
    return released


def _a_cycle(dependencies: Mapping[N, Collection[N]], waiting: Mapping[N, int]) -> list[N]:
    """Among tasks that all wait for another of them, going on ends in a circle."""
    at = next(key for key, count in waiting.items() if count)
    seen: dict[N, int] = {}
    way: list[N] = []
    while at not in seen:
        seen[at] = len(way)
        way.append(at)
        at = next(other for other in dependencies[at] if waiting[other])
    return [*way[seen[at] :], at]


def shown(cycle: Sequence[object]) -> str:
    """A cycle as text: a -> b -> a, of a long one the beginning."""
    parts = [*cycle[:SHOWN], "…", cycle[-1]] if len(cycle) > SHOWN + 1 else cycle
    return " -> ".join(f"{part!s:.100}" for part in parts)


def run_order(dependencies: Mapping[N, Collection[N]]) -> list[N]:
    """The ids in an order in which each comes after what it depends on.

    Raises:
        ValidationError: they depend on each other in a circle.
    """
    return [key for level in levels_of(dependencies) for key in level]


def longest_chain(dependencies: Mapping[N, Collection[N]], weights: Mapping[N, float]) -> Chain[N]:
    """The chain of dependencies with the most weight: of seconds, the critical path."""
    order = run_order(dependencies)
    _, finish, before = _earliest(order, dependencies, weights)
    return _chain(finish, before)


def critical_path_of(
    dependencies: Mapping[N, Collection[N]], seconds: Mapping[N, float]
) -> CriticalPath[N]:
    """The critical path method: one pass forward, one back; O(tasks + dependencies).

    Kelley, J. E. and Walker, M. R. (1959), Critical-Path Planning and Scheduling.

    Raises:
        ValidationError: they depend on each other in a circle.
    """
    order = run_order(dependencies)
    start, finish, before = _earliest(order, dependencies, seconds)
    chain = _chain(finish, before)
    latest, next_start = _latest(order, dependencies, seconds, start, chain.weight)
    tasks: dict[N, Timing] = {}
    for key in order:
        took, begins, ends = seconds[key], start[key], finish[key]
        slack = _slack(latest[key] - ends, chain.weight)
        free = _slack(next_start[key] - ends, chain.weight)
        tasks[key] = Timing(took, begins, ends, begins + slack, ends + slack, slack, free)
    return CriticalPath(chain.ids, chain.weight, tasks)


def _earliest(
    order: Iterable[N], dependencies: Mapping[N, Collection[N]], seconds: Mapping[N, float]
) -> tuple[dict[N, float], dict[N, float], dict[N, N]]:
    """When each starts and ends at the earliest, and the dependency that ends last before it."""
    start: dict[N, float] = {}
    finish: dict[N, float] = {}
    before: dict[N, N] = {}
    for key in order:
        begins = 0.0
        for other in dependencies.get(key, ()):
            if finish[other] > begins or key not in before:
                begins, before[key] = finish[other], other
        start[key], finish[key] = begins, begins + seconds[key]
    return start, finish, before


def _latest(
    order: Sequence[N],
    dependencies: Mapping[N, Collection[N]],
    seconds: Mapping[N, float],
    start: Mapping[N, float],
    end: float,
) -> tuple[dict[N, float], dict[N, float]]:
    """When each must end at the latest, and when the first that depends on it can start."""
    latest = dict.fromkeys(order, end)
    next_start = dict.fromkeys(order, end)
    for key in reversed(order):
        must_start = latest[key] - seconds[key]
        can_start = start[key]
        for other in dependencies.get(key, ()):
            latest[other] = min(latest[other], must_start)
            next_start[other] = min(next_start[other], can_start)
    return latest, next_start


def _slack(seconds: float, whole: float) -> float:
    return seconds if seconds > NOISE * whole else 0.0


def _chain(finish: Mapping[N, float], before: Mapping[N, N]) -> Chain[N]:
    """From the task that ends last, back along those that ended last before."""
    if not finish:
        return Chain((), 0.0)
    at = max(finish, key=lambda key: finish[key])
    ids, weight = [at], finish[at]
    while at in before:
        at = before[at]
        ids.append(at)
    return Chain(tuple(reversed(ids)), weight)


def way_between(
    dependencies: Mapping[N, Collection[N]], start: N, end: N, inside: Collection[N] | None = None
) -> list[N]:
    """A shortest way along dependencies, both ends in it; [] where there is none.

    Args:
        inside: Only through these.
    """
    came: dict[N, N] = {start: start}
    queue = deque([start] if inside is None or start in inside else [])
    while queue and end not in came:
        key = queue.popleft()
        for other in dependencies.get(key, ()):
            if other not in came and (inside is None or other in inside):
                came[other] = key
                queue.append(other)
    return _back(came, start, end) if end in came else []


def _back(came: Mapping[N, N], start: N, end: N) -> list[N]:
    way: list[N] = [end]
    while way[-1] != start:
        way.append(came[way[-1]])
    return way[::-1]


def depths_from(starts: Iterable[N], edges: Mapping[N, Collection[N]]) -> dict[N, int]:
    """How many steps away each is that can be reached, the starts not among them; nearest first."""
    level = list(dict.fromkeys(starts))
    seen, depths, depth = set(level), dict[N, int](), 0
    while level:
        depth += 1
        nearer = level
        level = list[N]()
        for key in nearer:
            for other in edges.get(key, ()):
                if other not in seen:
                    seen.add(other)
                    depths[other] = depth
                    level.append(other)
    return depths
