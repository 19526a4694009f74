"""What a picture of tasks shows: their layers, their statuses, the critical path, the legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graph_orch.analysis.model import TaskGraph
from graph_orch.analysis.nodes import Graph
from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.layers import Edge, Flow, flow
from graph_orch.analysis.pictures.marks import (
    BLACK,
    DECIDED_GATE,
    GATES,
    GREY,
    OPEN_GATE,
    SHOWN,
    STATUSES,
    UNKNOWN,
    VERMILLION,
    Entry,
    area,
    dot,
    stroke,
)
from graph_orch.analysis.pictures.nodes import Node, Numbers
from graph_orch.analysis.pictures.texts import count
from graph_orch.domain.dag import critical_path_of
from graph_orch.domain.durations import DurationKind
from graph_orch.errors import ValidationError


@dataclass(frozen=True)
class Plan:
    """The tasks of a picture, from those that depend on nothing on."""

    graph: Graph
    flow: Flow
    path: list[Node]
    statuses: dict[Node, str]

    @property
    def on_path(self) -> set[Edge]:
        """The edges of the critical path."""
        return set(zip(self.path, self.path[1:], strict=False))

    @property
    def title(self) -> str:
        """How many tasks, dependencies and layers there are."""
        edges = len(self.flow.edges) + len(self.flow.against)
        gates = sum(map(self.is_gate, self.statuses))
        return (
            f"{count(len(self.statuses) - gates, 'task')}, "
            + (f"{count(gates, 'gate')}, " if gates else "")
            + f"{count(edges, 'dependency', 'dependencies')}, "
            f"{count(self.flow.depth, 'layer')}"
        )

    def is_gate(self, node: Node) -> bool:
        """Whether this is a gate, and no task."""
        return self.statuses[node] in GATES

    def legend(self, *, as_areas: bool, with_edges: bool = True) -> list[Entry]:
        """The statuses that there are, with their numbers, and the kinds of edges."""
        numbers = Counter(self.statuses.values())
        mark = area if as_areas else dot
        statuses = [
            Entry(f"{status} ({numbers[status]:,})", mark(style))
            for status, style in SHOWN.items()
            if numbers[status]
        ]
        edges: list[Entry] = []
        if with_edges and self.flow.edges:
            edges.append(Entry("dependency (left is first)", stroke(GREY, 1.2)))
        if with_edges and self.path:
            edges.append(Entry(f"critical path ({len(self.path):,})", stroke(BLACK, 2.8)))
        if with_edges and self.flow.against:
            words = f"closes a cycle ({len(self.flow.against):,})"
            edges.append(Entry(words, stroke(VERMILLION, 1.4, "--")))
        return [Entry("status"), *statuses, *([Entry("edge"), *edges] if edges else [])]


def plan_of(
    graph: Graph, tasks: Sequence[Node], given: Iterable[Node] | None, duration: Numbers
) -> Plan:
    """The plan of some tasks of a graph; `given` is the critical path, where a caller knows it."""
    read.check_source(duration)
    found = flow(graph, tasks)
    path = _longest(found, graph, duration) if given is None else _given(found, given)
    return Plan(graph, found, path, {node: _status(graph, node) for node in tasks})


def _status(graph: Graph, node: Node) -> str:
    """How a node is shown: a task by its status, a gate by whether it is open."""
    status = graph.nodes[node].get("status")
    if graph.nodes[node].get("label") == "Gate":
        return OPEN_GATE if status == "open" else DECIDED_GATE
    return status if isinstance(status, str) and status in STATUSES else UNKNOWN


def _longest(found: Flow, graph: Graph, duration: Numbers) -> list[Node]:
    """The chain with the longest total duration; nothing where nothing depends on anything."""
    if not found.edges:
        return []
    if isinstance(duration, str) and duration in set(DurationKind):
        known = TaskGraph.of(graph).seconds(duration)
        takes = {node: known.get(node, 0.0) for node in found.levels}  # a gate takes none
    else:
        takes = read.numbers(graph, found.levels, duration)
        least = 1e-9 * sum(takes.values()) / len(takes) or 1.0  # of ties, the chain of more tasks
        takes = {node: seconds + least for node, seconds in takes.items()}
    before: dict[Node, list[Node]] = {node: [] for node in found.levels}
    for u, v in found.edges:
        before[v].append(u)
    return list(critical_path_of(before, takes).path)


def _given(found: Flow, given: Iterable[Node]) -> list[Node]:
    """The nodes that are in the picture, the first to be done first."""
    try:
        nodes = [node for node in given if node in found.levels]
    except TypeError as error:
        raise ValidationError(
            f"critical_path is {given!r:.100}; give the nodes on it, or () for none"
        ) from error
    backwards = len(nodes) > 1 and found.levels[nodes[0]] > found.levels[nodes[-1]]
    return nodes[::-1] if backwards else nodes
