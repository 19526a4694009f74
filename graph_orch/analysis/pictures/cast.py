"""What a picture of agents shows: the nodes, what they are, their colours and sizes, the legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import networkx as nx
import numpy as np

from graph_orch.analysis.nodes import Graph, by_name
from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.arrangement import NOBODY, communities, links_of
from graph_orch.analysis.pictures.marks import (
    GREY,
    PALE,
    WHITE,
    Entry,
    Style,
    dot,
    group_colour,
    heat,
)
from graph_orch.analysis.pictures.nodes import Groups, Node, Numbers
from graph_orch.analysis.pictures.texts import Floats, count, rounded, shorten

AGENT, SKILL, NODE = "agent", "skill", "node"
MARKERS = {AGENT: "o", SKILL: "s", NODE: "o"}
MOST_NODES = 2_000
_MOST_KEYS = 7
Colour = Literal["community", "utilization"]


@dataclass(frozen=True)
class Cast:
    """The nodes of a picture with all that is shown of them, in one order.

    `links` are pairs of their numbers, `home` is the group of each; `radii` are in those of the
    smallest node.
    """

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

    @property
    def title(self) -> str:
        """How many nodes of each kind there are, and how many links."""
        there = [kind for kind in MARKERS if kind in self.kinds]
        parts = [count(self.kinds.count(kind), kind) for kind in there]
        return f"{', '.join(parts)}, {count(len(self.links), 'link')}"

    @property
    def radii(self) -> Floats:
        """The radius of each node: the area grows with the value."""
        return np.array([self.radius(value) for value in self.values])

    def radius(self, value: float) -> float:
        """The radius for a value: 1 where it is 0."""
        return float(1.0 + 2.2 * np.sqrt(value / (self.values.max(initial=0.0) or 1.0)))

    def tint(self, group: int) -> str:
        """The colour of a group; grey where it is none."""
        return GREY if self.groups[group][0] == NOBODY else group_colour(group)

    def colours(self, by: Colour) -> list[str]:
        """The colour of each node."""
        if by == "community":
            return [self.tint(home) for home in self.home]
        used = [_utilization(self.graph.nodes[node]) for node in self.nodes]
        return [PALE if share is None else heat(share) for share in used]

    def legend(self, by: Colour, size: Numbers | None) -> list[Entry]:
        """What the marks, their sizes and their colours mean."""
        kinds = [
            Entry(f"{kind} ({self.kinds.count(kind):,})", dot(Style(PALE, marker), 9))
            for kind, marker in MARKERS.items()
            if kind in self.kinds
        ]
        sizes: list[Entry] = []
        if (most := float(self.values.max(initial=0.0))) > 0:
            what = "number of links" if size is None else size if isinstance(size, str) else "given"
            steps = sorted({round(most / 10) or most / 10, round(most / 2) or most / 2, most})
            sizes = [Entry(f"size: {shorten(what, 20)}")]
            sizes += [Entry(rounded(step), dot(Style(WHITE)), step) for step in steps]
        return [Entry("node"), *kinds, *sizes, *self._colour_keys(by)]

    def _colour_keys(self, by: Colour) -> list[Entry]:
        if by == "utilization":
            steps = (0, 25, 50, 75, 100)
            keys = [Entry(f"{step} %", dot(Style(heat(step / 100)), 9)) for step in steps]
            unknown = Entry("skill, or not known", dot(Style(PALE), 9))
            return [Entry("colour: slots in use"), *keys, unknown]
        keys = [
            Entry(f"{shorten(title, 20)} ({len(members):,})", dot(Style(self.tint(rank)), 9))
            for rank, (title, members) in enumerate(self.groups[:_MOST_KEYS])
        ]
        if rest := self.groups[_MOST_KEYS:]:
            number = sum(len(members) for _, members in rest)
            keys.append(Entry(f"{count(len(rest), 'other')} ({number:,})", dot(Style(GREY), 9)))
        return [Entry("colour: community"), *keys]

    def notes(self, most_named: int) -> list[str]:
        """What a picture says of what it leaves out, and of communities that there are not."""
        number, said = len(self.nodes), list[str]()
        if number > most_named:
            said.append("Only the largest nodes have their names.")
        if self.left_out:
            said.append(
                f"{count(self.left_out, 'node')} of {self.left_out + number:,}, those with the "
                "fewest links, are left out."
            )
        if self.modularity is not None:
            said.append(f"No communities: modularity is {self.modularity:.2f}.")
        return [*said, *read.left_out_said(self.graph, self.idle)]


def cast_of(graph: Graph, given: Groups | None, size: Numbers | None) -> Cast:
    """The cast of a graph: its agents and skills, by groups that are given or found."""
    idle = read.idle_skills(graph)
    everyone = [node for node in read.of_kind(graph, "Agent", "Skill") if node not in idle]
    degrees = {node: len(set(nx.all_neighbors(graph, node)) - {node}) for node in everyone}
    kept = sorted(everyone, key=lambda node: (-degrees[node], by_name(node)))[:MOST_NODES]
    nodes = sorted(kept, key=by_name)
    values = read.numbers(graph, nodes, degrees if size is None else size)
    parts = communities(graph, nodes, given)
    home = {node: number for number, (_, members) in enumerate(parts.groups) for node in members}
    return Cast(
        graph=graph,
        nodes=nodes,
        kinds=[_kind(graph.nodes[node]) for node in nodes],
        values=np.array([values[node] for node in nodes]),
        groups=parts.groups,
        home=[home[node] for node in nodes],
        links=links_of(graph, nodes),
        left_out=len(everyone) - len(nodes),
        idle=len(idle),
        modularity=parts.modularity,
    )


def _kind(data: dict[str, Any]) -> str:
    side = data.get("label", data.get("bipartite"))
    return AGENT if side in ("Agent", 0) else SKILL if side in ("Skill", 1) else NODE


def _utilization(data: dict[str, Any]) -> float | None:
    slots = read.number(data.get("max_concurrent_tasks"), -1.0)
    if slots < 0 or "active_tasks" not in data:
        return None
    return min(read.number(data["active_tasks"]) / slots, 1.0) if slots else 1.0
