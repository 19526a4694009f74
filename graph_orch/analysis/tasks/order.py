"""In which order tasks can run, how long the whole takes, and which tasks wait for themselves."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from graph_orch.analysis.checks import node, nodes
from graph_orch.analysis.model import Given, TaskGraph
from graph_orch.domain.dag import (
    CriticalPath,
    critical_path_of,
    cycles_of,
    levels_of,
    run_order,
    way_between,
)
from graph_orch.domain.durations import Duration
from graph_orch.errors import DependencyCycleError, ValidationError

N = TypeVar("N", bound=Hashable)


def levels(graph: Given, *, tasks: Any = None, remaining: bool = False) -> list[list[Any]]:
    """The tasks by level: level 0 depends on nothing, each other one on some of the level before.

    All tasks of a level could run at once. Sorted by str within a level. O(tasks + dependencies).

    Args:
        graph: Edges go from a task to what it depends on.
        tasks: A task: only it and what it depends on. A list: only these. None: all.
        remaining: Without the tasks that have ended.

    Raises:
        TaskNotFoundError: one of `tasks` is not there.
        ValidationError: the graph has a cycle, which is named; or see `TaskGraph`.
    """
    chosen = TaskGraph.of(graph).chosen(tasks, remaining=remaining)
    return [sorted(level, key=str) for level in levels_of(chosen.dependencies)]


def critical_path(
    graph: Given,
    duration: Duration = "estimated",
    *,
    tasks: Any = None,
    remaining: bool = False,
) -> CriticalPath[Any]:
    """The chain of tasks that decides how long the whole takes, and when each task must run.

    The critical path method of Kelley and Walker (1959): as if there were agents without number.
    Seconds everywhere. Of chains that are equally long, the one whose tasks come first by str, seen
    from its end. O(tasks + dependencies), without recursion.

    Args:
        graph: Edges go from a task to what it depends on.
        duration: How long a task takes, see `Durations`.
        tasks: A task: the whole is it and what it depends on. A list: these. None: all.
        remaining: Without the tasks that have ended.

    Raises:
        TaskNotFoundError: one of `tasks` is not there.
        ValidationError: the graph has a cycle, or a duration is no number; or see `TaskGraph`.
    """
    whole = TaskGraph.of(graph)
    chosen = whole.chosen(tasks, remaining=remaining)
    return critical_path_of(chosen.dependencies, whole.seconds(duration, chosen))


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
    graph: Given, duration: Duration = "estimated", *, remaining: bool = False
) -> Parallelism:
    """How many tasks run at once over time, where each starts as early as its dependencies let it.

    work / span is the average parallelism of Eager, Zahorjan and Lazowska (1989): more agents than
    `peak` are of no use, and with about `mean` of them the whole is at least half as fast as it can
    be. O(n log n).

    Args:
        graph: Edges go from a task to what it depends on.
        duration: How long a task takes, see `Durations`.
        remaining: Without the tasks that have ended.

    Raises:
        ValidationError: the graph has a cycle, or a duration is no number; or see `TaskGraph`.
    """
    found = critical_path(graph, duration, remaining=remaining)
    changes: dict[float, int] = {}
    for it in found.tasks.values():
        if it.earliest_finish > it.earliest_start:
            changes[it.earliest_start] = changes.get(it.earliest_start, 0) + 1
            changes[it.earliest_finish] = changes.get(it.earliest_finish, 0) - 1
    times: list[float] = []
    counts: list[int] = []
    count = 0
    for time in sorted(changes):
        if changes[time]:
            count += changes[time]
            times.append(time)
            counts.append(count)
    area = sum(count * (times[at + 1] - times[at]) for at, count in enumerate(counts) if count)
    return Parallelism(
        times=times,
        counts=counts,
        peak=max(counts, default=0),
        mean=area / found.seconds if found.seconds else 0.0,
        work=sum(it.seconds for it in found.tasks.values()),
        span=found.seconds,
    )


def find_cycles(graph: Given) -> list[list[Any]]:
    """Why tasks wait for themselves: a cycle for each knot of tasks that depend on each other.

    A knot is a strongly connected component: it may hold more cycles than anybody could list, so
    it is shown by a shortest one through its first task by str. A cycle is [a, b, …, a], where a
    depends on b; a task that depends on itself is [a, a]. [] where there is none. The store refuses
    cycles, so a snapshot has none. O(tasks + dependencies) and what the shortest ones cost.

    Raises:
        ValidationError: see `TaskGraph`.
    """
    return cycles_of(TaskGraph.of(graph).dependencies)


def would_cycle(graph: Given, task_id: Any, dependency_id: Any) -> list[Any]:
    """The shortest cycle that would close if `task_id` came to depend on `dependency_id`.

    [task_id, dependency_id, …, task_id], or [] if none would: so it can be asked as a yes or no.
    Who is not in the graph depends on nothing, and nothing on it.

    Raises:
        ValidationError: one of the two cannot be a node; or see `TaskGraph`.
    """
    dependencies = TaskGraph.of(graph).dependencies
    if node("task_id", task_id) == node("dependency_id", dependency_id):
        return [task_id, task_id]
    way = way_between(dependencies, dependency_id, task_id)
    return [task_id, *way] if way else []


def check_dependencies(
    dependencies: Mapping[N, Iterable[N]] | Iterable[tuple[N, N]],
) -> list[N]:
    """Check dependencies before they are written; the tasks in an order in which they can run.

    Args:
        dependencies: What each task depends on; or the edges, as (task, dependency).

    Raises:
        DependencyCycleError: they close a cycle; `error.cycle` names it.
        ValidationError: this is neither a mapping to lists nor pairs.
    """
    found: dict[Any, dict[Any, None]] = {}
    try:
        if isinstance(dependencies, Mapping):
            for task, others in cast(Mapping[Any, object], dependencies).items():
                found[task] = dict.fromkeys(nodes(f"what {task!r:.100} depends on", others))
        else:
            for pair in cast(Iterable[Any], dependencies):
                if isinstance(pair, str | bytes):
                    raise TypeError(f"{pair!r:.100} is one string where a pair is needed")
                task, dependency = pair
                found.setdefault(task, {})[dependency] = None
                found.setdefault(dependency, {})
    except (TypeError, ValueError) as error:
        raise ValidationError(
            "dependencies: give a mapping of each task to a list of what it depends on, or pairs "
            f"(task, dependency): {error}"
        ) from error
    plain = {key: list(others) for key, others in found.items()}
    if cycles := cycles_of(plain):
        raise DependencyCycleError(cast(list[str], cycles[0]))
    return run_order(plain)
