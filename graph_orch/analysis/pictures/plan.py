"""What a picture of tasks shows: their layers, their statuses, the critical path, the legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import networkx as nx

from graph_orch.analysis.model import TaskGraph
from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.colours import BLACK, GREY, STATUSES, UNKNOWN, VERMILLION, Style
from graph_orch.analysis.pictures.layers import Edge, Flow, flow
from graph_orch.analysis.pictures.nodes import Node, Numbers
from graph_orch.analysis.pictures.sheet import Entry, area, dot, stroke
from graph_orch.analysis.pictures.texts import count, order
from graph_orch.domain.durations import DurationKind
from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    Graph = nx.Graph[Any]


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


def plan_of(
    graph: Graph, tasks: Sequence[Node], given: Iterable[Node] | None, duration: Numbers
) -> Plan:
    read.check_source(duration)
    there = set(tasks)
    waits: nx.DiGraph[Any] = nx.DiGraph()
    waits.add_nodes_from(tasks)
    waits.add_edges_from((v, u) for u, v in graph.edges() if u in there and v in there)
    found = flow(waits)
    path = _longest(found, graph, duration) if given is None else _given(found, given)
    statuses = {node: _status(graph.nodes[node].get("status")) for node in tasks}
    return Plan(graph, found, path, statuses)


def _status(value: object) -> str:
    return str(value) if isinstance(value, str) and value in STATUSES else "unknown"


def _longest(found: Flow, graph: Graph, duration: Numbers) -> list[Node]:
    """The chain with the longest total duration; nothing where nothing depends on anything."""
    if not found.edges:
        return []
    takes = _seconds(graph, found.levels, duration)
    if not any(takes.values()):
        takes = dict.fromkeys(found.levels, 1.0)
    before: dict[Node, list[Node]] = {node: [] for node in found.levels}
    for u, v in found.edges:
        before[v].append(u)
    total: dict[Node, tuple[float, int]] = {}
    chosen: dict[Node, Node | None] = {}
    for node in sorted(found.levels, key=lambda it: (found.levels[it], order(it))):
        chosen[node] = max(before[node], key=lambda it: total[it], default=None)
        seconds, length = max((total[it] for it in before[node]), default=(0.0, 0))
        total[node] = takes[node] + seconds, length + 1
    at: Node | None = max(total, key=lambda it: total[it])
    chain: list[Node] = []
    while at is not None:
        chain.append(at)
        at = chosen[at]
    return chain[::-1]


def _seconds(graph: Graph, nodes: Iterable[Node], duration: Numbers) -> dict[Node, float]:
    """How long each takes: by a `DurationKind` as `critical_path` has it, else what is there."""
    if not (isinstance(duration, str) and duration in set(DurationKind)):
        return read.numbers(graph, nodes, duration)
    found = TaskGraph.of(graph).seconds(duration)
    return {node: found[node] for node in nodes}


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


def title_of(plan: Plan) -> str:
    edges = len(plan.flow.edges) + len(plan.flow.against)
    levels = max(plan.flow.levels.values()) + 1
    return (
        f"{count(len(plan.flow.levels), 'task')}, {count(edges, 'dependency', 'dependencies')}, "
        f"{count(levels, 'layer')}"
    )


def legend_of(plan: Plan, *, as_areas: bool, is_summed: bool = False) -> list[Entry]:
    numbers = Counter(plan.statuses.values())
    mark = area if as_areas else dot
    entries = [
        Entry(f"{status} ({numbers[status]:,})", mark(style_of(status)))
        for status in [*STATUSES, "unknown"]
        if numbers[status]
    ]
    with_edges = plan.flow.edges and not is_summed
    edges = [Entry("dependency (left is first)", stroke(GREY, 1.2))] if with_edges else []
    if plan.path and not is_summed:
        edges.append(Entry(f"critical path ({len(plan.path):,})", stroke(BLACK, 2.8)))
    if plan.flow.against and not is_summed:
        words = f"closes a cycle ({len(plan.flow.against):,})"
        edges.append(Entry(words, stroke(VERMILLION, 1.4, "--")))
    return [Entry("status"), *entries, *([Entry("edge"), *edges] if edges else [])]


def style_of(status: str) -> Style:
    return STATUSES.get(status, UNKNOWN)
