"""The tasks of a graph and what they depend on, as plain dicts; and how long each takes.

An edge goes from a task to what it depends on, in our graphs and in any other that is given. In
graphs of ours only tasks and their dependencies count; in others every node is a task. Tasks and
dependencies come sorted by str, so that what follows does not depend on how a graph was built.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Any, TypeAlias, cast

import networkx as nx

from graph_orch.analysis.labels import is_kind, is_labelled
from graph_orch.domain.durations import (
    DEFAULT_SECONDS,
    DurationKind,
    estimated,
    seconds,
    seconds_of,
    typical_seconds,
)
from graph_orch.domain.lifecycle import ENDED, has_status
from graph_orch.domain.precedence import depths_from
from graph_orch.errors import TaskNotFoundError, ValidationError

Graph: TypeAlias = "nx.Graph[Any]"
Duration: TypeAlias = str | Mapping[Any, float | None] | Callable[[Any], float | None]
"""How long tasks take, in seconds: "estimated" or "measured" (see `DurationKind`), the name of an
attribute (one that ends in _ms holds milliseconds), a mapping from task, or a function of it. A
task that a mapping or function has None for, or that lacks the attribute, takes as long as the
mean of the completed ones of its task_type, and 1 second where there are none."""
Facts: TypeAlias = dict[Any, Mapping[str, Any]]


def checked_graph(graph: object) -> Graph:
    """`graph`, if it can hold tasks.

    Raises:
        ValidationError: it is no directed graph, or one of agents and skills only.
    """
    if not isinstance(graph, nx.Graph):
        raise ValidationError(f"a NetworkX graph is needed, and this is a {type(graph).__name__}")
    found = cast(Graph, graph)
    if not found.is_directed():
        raise ValidationError(
            "the graph is undirected, and dependencies have a direction: give a DiGraph whose "
            "edges go from a task to what it depends on"
        )
    if is_kind(found, "agents-skills"):
        raise ValidationError('this graph holds no tasks: take snapshot(orch, "tasks") or "all"')
    return found


def tasks_of(graph: object) -> Facts:
    """The attributes of every task, sorted by str."""
    found = checked_graph(graph)
    rows = list(found.nodes(data=True))
    if _is_ours(found):
        rows = [row for row in rows if "label" not in row[1] or is_labelled(row[1], "Task")]
    rows.sort(key=lambda row: str(row[0]))
    return dict(rows)


def _is_ours(graph: Graph) -> bool:
    """Whether labels and types mean what they do in our graphs: others have their own."""
    return is_kind(graph, "tasks", "all") or any(
        is_labelled(one, "Task") for _, one in graph.nodes(data=True)
    )


def dependencies_of(graph: Graph, among: Iterable[Any]) -> dict[Any, list[Any]]:
    """What each of `among` depends on, of these only, in the order of `among`."""
    adjacent: Mapping[Any, Mapping[Any, Any]] = dict(graph.adjacency())
    place = {key: at for at, key in enumerate(among)}
    joins = _joins(graph)
    found: dict[Any, list[Any]] = {}
    for key in place:
        others = [other for other, edge in adjacent[key].items() if other in place and joins(edge)]
        if len(others) > 1:
            others.sort(key=place.__getitem__)
        found[key] = others
    return found


def _joins(graph: Graph) -> Callable[[Mapping[Any, Any]], bool]:
    """Whether an edge, or one of those between the same two, is a dependency."""
    if not _is_ours(graph):
        return lambda edge: True
    if graph.is_multigraph():
        return lambda edges: any(map(_is_dependency, edges.values()))
    return _is_dependency


def _is_dependency(edge: Mapping[str, Any]) -> bool:
    kind: object = edge.get("type", "DEPENDS_ON")
    return isinstance(kind, str) and kind == "DEPENDS_ON"


def chosen(
    graph: object, tasks: object = None, remaining: bool = False
) -> tuple[Facts, dict[Any, list[Any]]]:
    """The tasks that are meant, and what they depend on.

    Args:
        tasks: A task: it and all that it depends on. A list: these. None: all.
        remaining: Without those that have ended.

    Raises:
        TaskNotFoundError: one of `tasks` is not in the graph.
        ValidationError: see `checked_graph`.
    """
    facts = tasks_of(graph)
    dependencies = dependencies_of(checked_graph(graph), facts)
    meant = _meant(facts, dependencies, tasks)
    if remaining:
        meant = [key for key in meant if not has_status(facts[key], ENDED)]
    if len(meant) < len(facts):
        kept = set(meant)
        facts = {key: facts[key] for key in facts if key in kept}
        dependencies = {
            key: [other for other in dependencies[key] if other in kept] for key in facts
        }
    return facts, dependencies


def _meant(facts: Facts, dependencies: Mapping[Any, list[Any]], tasks: object) -> Collection[Any]:
    if tasks is None:
        return facts
    if isinstance(tasks, list | set | frozenset):
        given = list(cast(Iterable[Any], tasks))
        return [known(facts, key) for key in given]
    root = known(facts, tasks)
    return [root, *depths_from([root], dependencies)]


def known(facts: Mapping[Any, Any], key: object) -> Any:
    """`key`, if there is such a task.

    Raises:
        TaskNotFoundError: there is none.
    """
    if nameable(key) not in facts:
        raise TaskNotFoundError(cast(str, key))
    return key


def nameable(key: object) -> Any:
    """`key`, if it could be a node.

    Raises:
        ValidationError: it cannot.
    """
    try:
        hash(key)
    except TypeError:
        raise ValidationError(
            f"{repr(key)[:100]} cannot be a node, since it has no hash; give the name of one"
        ) from None
    return key


def durations(graph: object, facts: Facts, duration: Duration) -> dict[Any, float]:
    """How long each task takes, in seconds; the means are those of the whole graph.

    Raises:
        ValidationError: something is no number of seconds, or no task has what is named.
    """
    if isinstance(duration, str) and duration in set(DurationKind):
        kind = DurationKind(duration)
        return seconds_of(facts, kind, _typical(graph, facts, kind))
    given = {key: value for key, value in _given(facts, duration) if value is not None}
    if facts and not given:
        raise ValidationError(
            f"duration: no task has a value by {repr(duration)[:100]}; give "
            f"{' or '.join(DurationKind)}, the name of an attribute, a mapping or a function"
        )
    rest = {key: one for key, one in facts.items() if key not in given}
    typical = typical_seconds(tasks_of(graph).values()) if rest else {}
    default = {
        key: typical.get(str(one.get("task_type")), DEFAULT_SECONDS) for key, one in rest.items()
    }
    unit = 1000 if isinstance(duration, str) and duration.endswith("_ms") else 1
    return {
        key: default[key] if key in default else seconds(given[key], key, "the duration") / unit
        for key in facts
    }


def _typical(graph: object, facts: Facts, kind: DurationKind) -> dict[str, float]:
    measured = kind is DurationKind.MEASURED
    if all(
        (measured and one.get("execution_duration_ms") is not None)
        or estimated(one.get("metadata")) is not None
        for one in facts.values()
    ):
        return {}
    return typical_seconds(tasks_of(graph).values())


def _given(facts: Facts, duration: Duration) -> Iterable[tuple[Hashable, object]]:
    if isinstance(duration, str):
        return ((key, one.get(duration)) for key, one in facts.items())
    if isinstance(duration, Mapping):
        mapping = cast(Mapping[Any, object], duration)
        return ((key, mapping.get(key)) for key in facts)
    if callable(duration):
        return ((key, duration(key)) for key in facts)
    raise ValidationError(
        f"duration: {repr(duration)[:100]} is neither a name, a mapping nor a function of a task"
    )
