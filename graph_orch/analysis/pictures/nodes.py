"""What the pictures read of a graph's nodes, ours or anybody's: attributes may be missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

from graph_orch.analysis.nodes import Graph, by_name
from graph_orch.analysis.pictures.texts import count, short_id, shorten
from graph_orch.domain.lifecycle import ENDED, has_status
from graph_orch.domain.models.teams import Communities
from graph_orch.errors import ValidationError

Node = Hashable
Numbers = str | Mapping[Node, float] | Callable[[Node], float]
Groups = Mapping[Node, object] | Iterable[Collection[Node]] | Communities
LEFT_OUT = "left_out"
"""The graph's attribute that has the number of nodes that are left out."""


def of_kind(graph: Graph, *labels: str) -> list[Node]:
    """The nodes with one of the labels, sorted; where no node has a label, all of them."""
    nodes = sorted(graph, key=by_name)
    if not any("label" in data for _, data in graph.nodes(data=True)):
        return nodes
    return [node for node in nodes if graph.nodes[node].get("label") in labels]


def most_linked(graph: Graph, nodes: Iterable[Node], limit: int) -> list[Node]:
    """At most `limit` of the nodes, those with the most links first."""
    return sorted(nodes, key=lambda node: (-graph.degree(node), by_name(node)))[:limit]


def without(graph: Graph, dropped: Iterable[Node]) -> Graph:
    """A copy without some nodes. (A subgraph would have the order of a set: another each time.)"""
    found = graph.copy()
    found.remove_nodes_from(list(dropped))
    return found


def limited(graph: Graph, limit: int) -> Graph:
    """A copy with the `limit` tasks created last; without tasks, the nodes with the most links."""
    long_ago = datetime.min.replace(tzinfo=UTC)

    def created(node: Node) -> datetime:
        found = graph.nodes[node].get("created_at")
        return found if isinstance(found, datetime) and found.tzinfo is not None else long_ago

    tasks = [
        node for node in sorted(graph, key=by_name) if graph.nodes[node].get("label") == "Task"
    ]
    tasks.sort(key=created, reverse=True)
    dropped = tasks[limit:] if tasks else most_linked(graph, graph, len(graph))[limit:]
    found = without(graph, dropped)
    found.graph[LEFT_OUT] = graph.graph.get(LEFT_OUT, 0) + len(dropped)
    return found


def idle_skills(graph: Graph) -> set[Node]:
    """The skills that nobody has, and that no task that has not ended needs."""
    skills = {node for node in graph if graph.nodes[node].get("label") == "Skill"}
    for one, other in graph.edges():
        for skill, user in ((one, other), (other, one)):
            if skill in skills and not has_status(graph.nodes[user], ENDED):
                skills.discard(skill)
    return skills


def left_out_said(graph: Graph, idle: int = 0) -> list[str]:
    """What a picture says of what `limited` left out, and of idle skills."""
    said = [f"{count(idle, 'skill')} that nobody here has or needs left out."] if idle else []
    number = graph.graph.get(LEFT_OUT, 0)
    if isinstance(number, int) and number > 0:
        said.append(f"{count(number, 'node')} left out of the graph before it was drawn.")
    return said


def name(graph: Graph, node: Node, longest: int = 28) -> str:
    """What a node is called in a picture."""
    data = graph.nodes[node]
    match data.get("label"):
        case "Skill":
            return shorten(data.get("name") or data.get("key") or node, longest)
        case "Task":
            kind = data.get("task_type")
            own = short_id(data.get("task_id", node), longest)
            return shorten(f"{shorten(kind, longest - 9)} {own}" if kind else own, longest)
        case _:
            return short_id(node, longest)


def number(value: object, default: float = 0.0) -> float:
    """A finite number, of Python or of numpy, or the default."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 1) == 0:
        value = item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    try:
        found = float(value)
    except OverflowError:
        return default
    return found if math.isfinite(found) else default


def numbers(graph: Graph, nodes: Iterable[Node], source: Numbers) -> dict[Node, float]:
    """A number, 0 or more, for each node: an attribute, a mapping or a function; 0 if missing.

    Raises:
        ValidationError: the source is none of these.
    """
    check_source(source)

    def read(node: Node) -> object:
        if isinstance(source, str):
            return graph.nodes[node].get(source)
        if isinstance(source, Mapping):
            return cast(Mapping[Node, object], source).get(node)
        return source(node)

    return {node: max(number(read(node)), 0.0) for node in nodes}


def check_source(source: object) -> None:
    """Refuse what cannot tell numbers of nodes.

    Raises:
        ValidationError: it is no name, mapping or function.
    """
    if not (isinstance(source, str | Mapping) or callable(source)):
        raise ValidationError(
            f"numbers of nodes are asked for by {repr(source)[:100]}; give the name of an "
            "attribute, a mapping from nodes, or a function of a node"
        )


def groups(given: Groups, nodes: Collection[Node]) -> list[tuple[str, list[Node]]]:
    """The groups of nodes with their names, the largest first. Nodes not asked for are left out.

    Raises:
        ValidationError: they are not sets of nodes or a mapping, or a node is in two of them.
    """
    there = set(nodes)
    home: dict[Node, str] = {}
    for title, members in _by_name(given):
        for node in there.intersection(members):
            if node in home:
                raise ValidationError(
                    f"node {node!r:.100} is in two communities; give each node one"
                )
            home[node] = title
    found: dict[str, list[Node]] = {}
    for node in sorted(home, key=by_name):
        found.setdefault(home[node], []).append(node)
    return sorted(found.items(), key=lambda it: (-len(it[1]), by_name(it[1][0])))


def _by_name(given: Groups) -> list[tuple[str, Collection[Node]]]:
    members = given.members if isinstance(given, Communities) else given
    if isinstance(members, Mapping):
        named: dict[str, list[Node]] = {}
        for node, group in cast(Mapping[Node, object], members).items():
            named.setdefault(str(group), []).append(node)
        return list(named.items())
    try:
        parts = [(set(group), isinstance(group, str | bytes)) for group in members]
    except TypeError:
        parts = [(set[Node](), True)]
    if any(is_text for _, is_text in parts):
        raise ValidationError(
            "communities are sets of nodes, or a mapping from nodes to a community's name; "
            f"got {type(members)}"
        )
    ranked = sorted(
        (part for part, _ in parts), key=lambda it: (-len(it), sorted(map(by_name, it)))
    )
    return [(f"community {at}", part) for at, part in enumerate(ranked, start=1)]
