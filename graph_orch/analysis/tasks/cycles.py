"""Cycles among dependencies, before they are written and after."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar, cast

from graph_orch.analysis.tasks.graph import (
    checked_graph,
    chosen,
    dependencies_of,
    nameable,
    tasks_of,
)
from graph_orch.domain.cycles import cycles_of
from graph_orch.domain.precedence import run_order, way_between
from graph_orch.errors import DependencyCycleError, ValidationError

N = TypeVar("N", bound=Hashable)


def find_cycles(graph: object) -> list[list[Any]]:
    """Why tasks wait for themselves: a cycle for each knot of tasks that depend on each other.

    A knot is a strongly connected component: it may hold more cycles than anybody could list, so
    it is shown by a shortest one through its first task by str. A cycle is [a, b, …, a], where a
    depends on b; a task that depends on itself is [a, a]. [] where there is none. The store refuses
    cycles, so a snapshot has none. O(tasks + dependencies) and what the shortest ones cost.

    Raises:
        ValidationError: the graph cannot hold tasks.
    """
    return cycles_of(chosen(graph)[1])


def would_cycle(graph: object, task_id: Any, dependency_id: Any) -> list[Any]:
    """The shortest cycle that would close if `task_id` came to depend on `dependency_id`.

    [task_id, dependency_id, …, task_id], or [] if none would: so it can be asked as a yes or no.
    Who is not in the graph depends on nothing, and nothing on it.

    Raises:
        ValidationError: the graph cannot hold tasks, or one of the two cannot be a node.
    """
    found = checked_graph(graph)
    if nameable(task_id) == nameable(dependency_id):
        return [task_id, task_id]
    way = way_between(dependencies_of(found, tasks_of(found)), dependency_id, task_id)
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
    found = _plain(dependencies)
    cycles = cycles_of(found)
    if cycles:
        raise DependencyCycleError(cast(list[str], cycles[0]))
    return run_order(found)


def _plain(dependencies: object) -> dict[Any, list[Any]]:
    try:
        if isinstance(dependencies, Mapping):
            mapping = cast(Mapping[Any, Iterable[Any]], dependencies)
            return {key: list(dict.fromkeys(_several(others))) for key, others in mapping.items()}
        return _from_pairs(cast(Iterable[tuple[Any, Any]], dependencies))
    except (TypeError, ValueError) as error:
        raise ValidationError(
            "dependencies: give a mapping of each task to a list of what it depends on, or pairs "
            f"(task, dependency): {error}"
        ) from error


def _several(others: Iterable[Any]) -> Iterable[Any]:
    if isinstance(others, str | bytes):
        raise TypeError(f"{others!r:.100} is one string where a list of them is needed")
    return others


def _from_pairs(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    found: dict[Any, dict[Any, None]] = {}
    for task, dependency in map(_several, pairs):
        found.setdefault(task, {})[dependency] = None
        found.setdefault(dependency, {})
    return {key: list(others) for key, others in found.items()}
