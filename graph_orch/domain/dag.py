"""Who depends on whom: order, levels, the critical path, cycles, and what can be reached. Pure.

Everything takes plain mappings, of each task to what it depends on, and walks them in loops, never
by recursion: a chain of 100,000 is as good as a fan. Whoever is depended on counts as a task, even
where the mapping has no entry for it. What is tied keeps the order of the mapping.

The order is found by a loop of our own: graphlib takes 3.5 times as long for 100,000 tasks, and
NetworkX, which must copy them into a graph first, 4 times. NetworkX is imported where there are
cycles to be found, which is rarely: importing it takes as long as all else in this package.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from graph_orch.errors import ValidationError

N = TypeVar("N", bound=Hashable)
SHOWN = 10
NOISE = 1e-9
"""Of the whole: what is less is rounding, not slack."""


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


def dependents_of(
    dependencies: Mapping[N, Iterable[N]], among: Iterable[N] | None = None
) -> dict[N, list[N]]:
    """Who depends on each task; only those on whom somebody depends are there.

    Args:
        among: Who counts as somebody; None: all.
    """
    dependents: dict[N, list[N]] = {}
    for key in dependencies if among is None else among:
        for other in dependencies[key]:
            dependents.setdefault(other, []).append(key)
    return dependents


def levels_of(dependencies: Mapping[N, Collection[N]]) -> list[list[N]]:
    """The tasks by how long the longest chain of others below them is: level 0 has none.

    Raises:
        ValidationError: they depend on each other in a circle, which is named.
    """
    dependents = dependents_of(dependencies)
    waiting = {key: len(dependencies.get(key, ())) for key in [*dependencies, *dependents]}
    level = [key for key, count in waiting.items() if not count]
    levels: list[list[N]] = []
    while level:
        levels.append(level)
        finished, level = level, list[N]()
        for key in finished:
            for other in dependents.get(key, ()):
                waiting[other] -= 1
                if not waiting[other]:
                    level.append(other)
    if any(waiting.values()):
        raise ValidationError(f"the tasks form a cycle: {shown(cycles_of(dependencies)[0])}")
    return levels


def run_order(dependencies: Mapping[N, Collection[N]]) -> list[N]:
    """The tasks in an order in which each comes after what it depends on.

    Raises:
        ValidationError: they depend on each other in a circle, which is named.
    """
    return [key for level in levels_of(dependencies) for key in level]


def critical_path_of(
    dependencies: Mapping[N, Collection[N]], seconds: Mapping[N, float]
) -> CriticalPath[N]:
    """The critical path method: one pass forward, one back; O(tasks + dependencies).

    Kelley, J. E. and Walker, M. R. (1959), Critical-Path Planning and Scheduling.

    Raises:
        ValidationError: they depend on each other in a circle, which is named.
    """
    order = run_order(dependencies)
    start: dict[N, float] = {}
    finish: dict[N, float] = {}
    last: dict[N, N] = {}  # of what a task depends on, that which ends last
    for key in order:
        begins = 0.0
        for other in dependencies.get(key, ()):
            if finish[other] > begins or key not in last:
                begins, last[key] = finish[other], other
        start[key], finish[key] = begins, begins + seconds[key]
    whole = max(finish.values(), default=0.0)

    latest = dict.fromkeys(order, whole)
    next_start = dict.fromkeys(order, whole)
    for key in reversed(order):
        must_start, can_start = latest[key] - seconds[key], start[key]
        for other in dependencies.get(key, ()):
            latest[other] = min(latest[other], must_start)
            next_start[other] = min(next_start[other], can_start)

    tasks: dict[N, Timing] = {}
    for key in order:
        begins, ends = start[key], finish[key]
        slack, free = latest[key] - ends, next_start[key] - ends
        slack = slack if slack > NOISE * whole else 0.0
        free = free if free > NOISE * whole else 0.0
        tasks[key] = Timing(seconds[key], begins, ends, begins + slack, ends + slack, slack, free)
    return CriticalPath(tuple(_back_from_the_end(finish, last))[::-1], whole, tasks)


def _back_from_the_end(finish: Mapping[N, float], last: Mapping[N, N]) -> Iterator[N]:
    at = max(finish, key=finish.__getitem__, default=None)
    while at is not None:
        yield at
        at = last.get(at)


def cycles_of(dependencies: Mapping[N, Collection[N]]) -> list[list[N]]:
    """A cycle for each knot of tasks that depend on each other: the shortest through its first.

    A knot is a strongly connected component; it may hold more cycles than anybody could list. A
    cycle is [a, b, …, a], where a depends on b.
    """
    import networkx as nx

    graph: nx.DiGraph[N] = nx.DiGraph()
    graph.add_nodes_from(dependencies)
    graph.add_edges_from((key, other) for key, others in dependencies.items() for other in others)
    place = {key: at for at, key in enumerate(graph)}
    found: list[list[N]] = []
    for knot in nx.strongly_connected_components(graph):
        first = min(knot, key=place.__getitem__)
        if len(knot) > 1 or graph.has_edge(first, first):
            ways = [way_between(dependencies, other, first, knot) for other in dependencies[first]]
            found.append([first, *min((way for way in ways if way), key=len)])
    return sorted(found, key=lambda cycle: place[cycle[0]])


def break_cycles(
    dependencies: Mapping[str, Sequence[str]],
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """The dependencies without cycles, and the (task, dependency) edges left out for that.

    A walk depth first leaves out each edge back to where it came from.
    """
    kept: dict[str, list[str]] = {key: [] for key in dependencies}
    broken: list[tuple[str, str]] = []
    finished: set[str] = set()
    for root in sorted(dependencies):
        if root in finished:
            continue
        stack, open_ = [(root, iter(dependencies[root]))], {root}
        while stack:
            key, rest = stack[-1]
            other = next(rest, None)
            if other is None:
                stack.pop()
                open_.discard(key)
                finished.add(key)
            elif other in open_:
                broken.append((key, other))
            else:
                kept[key].append(other)
                if other not in finished:
                    open_.add(other)
                    stack.append((other, iter(dependencies[other])))
    return {key: tuple(others) for key, others in kept.items()}, broken


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
    if end not in came or not (inside is None or start in inside):
        return []
    way = [end]
    while way[-1] != start:
        way.append(came[way[-1]])
    return way[::-1]


def depths_from(starts: Iterable[N], edges: Mapping[N, Collection[N]]) -> dict[N, int]:
    """How many steps away each is that can be reached, the starts not among them; nearest first."""
    level = list(dict.fromkeys(starts))
    seen, depths, depth = set(level), dict[N, int](), 0
    while level:
        depth += 1
        nearer, level = level, list[N]()
        for key in nearer:
            for other in edges.get(key, ()):
                if other not in seen:
                    seen.add(other)
                    depths[other] = depth
                    level.append(other)
    return depths


def shown(cycle: Sequence[object]) -> str:
    """A cycle as text: a -> b -> a, of a long one the beginning."""
    parts = [*cycle[:SHOWN], "…", cycle[-1]] if len(cycle) > SHOWN + 1 else cycle
    return " -> ".join(f"{part!s:.100}" for part in parts)
