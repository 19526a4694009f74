"""What a picture of agents shows: the nodes, what they are, their colours and sizes, the legend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import networkx as nx
import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.arrangement import NOBODY, communities
from graph_orch.analysis.pictures.colours import GREY, INK, PALE, WHITE, Style, group_colour
from graph_orch.analysis.pictures.limits import said
from graph_orch.analysis.pictures.nodes import Groups, Node, Numbers
from graph_orch.analysis.pictures.sheet import Entry, dot
from graph_orch.analysis.pictures.texts import count, order, shorten

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Graph = nx.Graph[Any]

AGENT, SKILL, NODE = "agent", "skill", "node"
MARKERS = {AGENT: "o", SKILL: "s", NODE: "o"}
MOST_NODES = 2_000
Colour = Literal["community", "utilization"]


@dataclass(frozen=True)
class Cast:
    """The nodes of a picture with all that is shown of them, in one order."""

    graph: Graph
    nodes: list[Node]
    kinds: list[str]
    values: Floats
    groups: list[tuple[str, list[Node]]]
    home: list[int]
    links: list[tuple[int, int]]
    left_out: int
    idle: int
    modularity: float | None

    @property
    def is_bipartite(self) -> bool:
        """Agents on one side, skills on the other, and links only between."""
        kinds = self.kinds
        return {AGENT, SKILL} == set(kinds) and all(kinds[a] != kinds[b] for a, b in self.links)

    def colour(self, group: int) -> str:
        """That of a group; grey where it is none."""
        return GREY if self.groups[group][0] == NOBODY else group_colour(group)

    def said(self) -> list[str]:
        """What a picture says of what it leaves out, and of communities that there are not."""
        none = self.modularity is not None
        return [
            *([f"No communities: modularity is {self.modularity:.2f}."] if none else []),
            *read.idle_said(self.idle),
            *said(self.graph),
        ]


def cast_of(graph: Graph, given: Groups | None, size: Numbers | None) -> Cast:
    idle = read.idle_skills(graph)
    everyone = [node for node in read.of_kind(graph, "Agent", "Skill") if node not in idle]
    degrees = {node: len(set(nx.all_neighbors(graph, node)) - {node}) for node in everyone}
    kept = sorted(everyone, key=lambda node: (-degrees[node], order(node)))[:MOST_NODES]
    nodes = sorted(kept, key=order)
    at = {node: number for number, node in enumerate(nodes)}
    pairs = {(at[u], at[v]) for u, v in graph.edges() if u in at and v in at and u != v}
    links = sorted({(min(pair), max(pair)) for pair in pairs})
    values = read.numbers(graph, nodes, degrees if size is None else size)
    parts = communities(graph, nodes, given)
    home = {node: number for number, (_, members) in enumerate(parts.groups) for node in members}
    return Cast(
        graph=graph,
        nodes=nodes,
        kinds=[_kind(graph, node) for node in nodes],
        values=np.array([values[node] for node in nodes]),
        groups=parts.groups,
        home=[home[node] for node in nodes],
        links=links,
        left_out=len(everyone) - len(nodes),
        idle=len(idle),
        modularity=parts.modularity,
    )


def _kind(graph: Graph, node: Node) -> str:
    data = graph.nodes[node]
    side = data.get("label", data.get("bipartite"))
    return AGENT if side in ("Agent", 0) else SKILL if side in ("Skill", 1) else NODE


def title_of(found: Cast) -> str:
    parts = [
        count(found.kinds.count(kind), kind) for kind in (AGENT, SKILL, NODE) if kind in found.kinds
    ]
    return f"{', '.join(parts)}, {count(len(found.links), 'link')}"


def colours_of(found: Cast, colour: Colour) -> list[str]:
    if colour == "community":
        return [found.colour(home) for home in found.home]
    shown = colormaps["cividis"]
    return [
        PALE if (used := _utilization(found.graph.nodes[node])) is None else to_hex(shown(used))
        for node in found.nodes
    ]


def _utilization(data: Mapping[str, object]) -> float | None:
    slots = read.number(data.get("max_concurrent_tasks"), -1.0)
    if slots < 0 or "active_tasks" not in data:
        return None
    return min(read.number(data["active_tasks"]) / slots, 1.0) if slots else 1.0


def unit(share: Any) -> Any:
    """The radius for a share, from 0 to 1, of the largest value: 1 where there is none."""
    return 1.0 + 2.2 * np.sqrt(share)


def most(found: Cast) -> float:
    return float(found.values.max(initial=0.0)) or 1.0


def share(values: Floats) -> Floats:
    return values / (values.max(initial=0.0) or 1.0)


def legend_of(found: Cast, colour: Colour, size: Numbers | None) -> list[Entry]:
    kinds = [
        Entry(
            f"{kind} ({found.kinds.count(kind):,})",
            dot(Style(PALE, MARKERS[kind]), 9, markeredgecolor=INK),
        )
        for kind in (AGENT, SKILL, NODE)
        if kind in found.kinds
    ]
    return [Entry("node"), *kinds, *_sizes(found, size), *_colour_keys(found, colour)]


def _sizes(found: Cast, size: Numbers | None) -> list[Entry]:
    most = float(found.values.max(initial=0.0))
    if most <= 0:
        return []
    what = "number of links" if size is None else size if isinstance(size, str) else "given"
    steps = sorted({round(most / 10) or most / 10, round(most / 2) or most / 2, most})
    marks = [
        Entry(f"{step:,.3g}" if step < 1000 else f"{step:,.0f}", dot(Style(WHITE)), step)
        for step in steps
    ]
    return [Entry(f"size: {shorten(what, 20)}"), *marks]


def _colour_keys(found: Cast, colour: Colour) -> list[Entry]:
    if colour == "utilization":
        shown = colormaps["cividis"]
        steps = [
            Entry(f"{step} %", dot(Style(to_hex(shown(step / 100))), 9))
            for step in (0, 25, 50, 75, 100)
        ]
        return [
            Entry("colour: slots in use"),
            *steps,
            Entry("skill, or not known", dot(Style(PALE), 9)),
        ]
    keys = [
        Entry(f"{shorten(title, 20)} ({len(members):,})", dot(Style(found.colour(rank)), 9))
        for rank, (title, members) in enumerate(found.groups[:7])
    ]
    rest = found.groups[7:]
    if rest:
        number = sum(len(members) for _, members in rest)
        keys.append(Entry(f"{count(len(rest), 'other')} ({number:,})", dot(Style(GREY), 9)))
    return [Entry("colour: community"), *keys]
