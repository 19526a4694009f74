"""What the pictures read of a graph's nodes, ours or anybody's: attributes may be missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from graph_orch.analysis.pictures.texts import count, order, short_id, shorten
from graph_orch.domain.lifecycle import ENDED, has_status
from graph_orch.domain.models.teams import Communities
from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    import networkx as nx

    Graph = nx.Graph[Any]

Node = Hashable
Numbers = str | Mapping[Node, float] | Callable[[Node], float]
Groups = Mapping[Node, object] | Iterable[Collection[Node]] | Communities


def check_graph(graph: object) -> None:
    """Refuse what is no NetworkX graph.

    Raises:
        ValidationError: it has no nodes and edges.
    """
    if not all(hasattr(graph, name) for name in ("nodes", "edges", "is_directed")):
        raise ValidationError(
            f"expected a NetworkX graph, such as analysis.snapshot returns; got {type(graph)}"
        )


def of_kind(graph: Graph, *labels: str) -> list[Node]:
    """The nodes with one of the labels, sorted; where no node has a label, all of them."""
    nodes = sorted(graph, key=order)
    if not any("label" in data for _, data in graph.nodes(data=True)):
        return nodes
    return [node for node in nodes if graph.nodes[node].get("label") in labels]


def idle_skills(graph: Graph) -> set[Node]:
    """The skills that nobody has, and that no task that has not ended needs."""
    skills = {node for node in graph if graph.nodes[node].get("label") == "Skill"}
    for one, other in graph.edges():
        for skill, user in ((one, other), (other, one)):
            if skill in skills and not has_status(graph.nodes[user], ENDED):
                skills.discard(skill)
    return skills


def idle_said(number: int) -> list[str]:
    """What a picture says of those."""
    return [f"{count(number, 'skill')} that nobody here has or needs left out."] * (number > 0)


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
    """A finite number, or the default."""
    value = scalar(value)
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
    read = _reader(graph, source)
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


def _reader(graph: Graph, source: Numbers) -> Callable[[Node], object]:
    check_source(source)
    if isinstance(source, str):
        return lambda node: graph.nodes[node].get(source)
    if isinstance(source, Mapping):
        return cast(Mapping[Node, object], source).get
    return source


def edges(graph: Graph) -> list[tuple[Node, Node, Mapping[str, Any]]]:
    """The edges with their attributes."""
    return [(u, v, data) for u, v, data in graph.edges(data=True)]


def scalar(value: object) -> object:
    """A number of numpy as one of Python; anything else as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", 1) == 0 else value


def groups(found: Groups, nodes: Collection[Node]) -> list[tuple[str, list[Node]]]:
    """The groups of nodes with their names, the largest first. Nodes not asked for are left out.

    Raises:
        ValidationError: they are not sets of nodes or a mapping, or a node is in two of them.
    """
    there = set(nodes)
    named = _by_name(found)
    seen: set[Node] = set()
    result: list[tuple[str, list[Node]]] = []
    for title, members in named:
        kept = sorted({node for node in members if node in there}, key=order)
        if twice := next((node for node in kept if node in seen), None):
            raise ValidationError(f"node {twice!r:.100} is in two communities; give each node one")
        seen.update(kept)
        if kept:
            result.append((title, kept))
    return sorted(result, key=lambda it: (-len(it[1]), order(it[1][0])))


def _by_name(given: Groups) -> list[tuple[str, Iterable[Node]]]:
    found = given.members if isinstance(given, Communities) else given
    if isinstance(found, Mapping):
        mapping = cast(Mapping[Node, object], found)
        result: dict[str, list[Node]] = {}
        for node, group in mapping.items():
            result.setdefault(str(group), []).append(node)
        return list(result.items())
    try:
        parts = [_members(group) for group in found]
    except TypeError as error:
        raise ValidationError(
            "communities are sets of nodes, or a mapping from nodes to a community's name; "
            f"got {type(found)}"
        ) from error
    parts.sort(key=lambda part: (-len(part), min(map(order, part), default=("", ""))))
    return [(f"community {at}", part) for at, part in enumerate(parts, start=1)]


def _members(group: object) -> list[Node]:
    """The nodes of a group; TypeError where it is none."""
    if isinstance(group, str | bytes):
        raise TypeError(f"{group!r:.100} is one text where a set of nodes is needed")
    members = list(cast(Iterable[Node], group))
    for node in members:
        hash(node)
    return members
