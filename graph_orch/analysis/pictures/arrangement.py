"""Where the nodes of the agent-skill graph stand: in two columns, by forces, or by community."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import networkx as nx
import numpy as np
from scipy.spatial import KDTree

from graph_orch.analysis.nodes import Graph
from graph_orch.analysis.pictures.nodes import Groups, Node, groups
from graph_orch.analysis.pictures.texts import Floats
from graph_orch.domain.models.teams import Algorithm, Communities

Link = tuple[int, int]
SEED = 7
NOBODY = "none"
"""Those that are in no community: they are neither named nor coloured as one."""
MOST_GROUPS = 40
_SWEEPS = 8
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
_AIR = 2.6
"""The room around a community, in radii of a small node."""


@dataclass(frozen=True)
class Disc:
    """A community as a disc."""

    group: int
    centre: tuple[float, float]
    radius: float


@dataclass(frozen=True)
class Arrangement:
    """Places of the nodes, in the order in which they were given, and the discs around them."""

    places: Floats
    discs: list[Disc] = field(default_factory=list[Disc])


@dataclass(frozen=True)
class Partition:
    """Groups of nodes with their names, the largest first; every node is in one of them.

    `modularity` is given where it says that the graph has no communities, so that all are NOBODY.
    """

    groups: list[tuple[str, list[Node]]]
    modularity: float | None = None


def communities(graph: Graph, nodes: Sequence[Node], given: Groups | None) -> Partition:
    """The communities of some nodes.

    Those given; else the teams that the graph knows; else what the Louvain method finds. A node
    that is in none goes where most of its neighbours are. Of more than 40, the smallest are one.
    What was found by modularity, here or before, is shown only where it stands out from chance.
    """
    if given is None:
        given = _teams(graph) or _louvain(graph, nodes)
    if isinstance(given, Communities) and not given.are_apparent:
        return Partition([(NOBODY, list(nodes))] if nodes else [], given.modularity)
    home = {node: title for title, members in groups(given, nodes) for node in members}
    for _ in range(2):  # the second time for nodes that only have neighbours like themselves
        found: dict[Node, str] = {}
        for node in nodes:
            near = () if node in home else nx.all_neighbors(graph, node)
            votes = Counter(home[other] for other in near if other in home)
            if votes:
                found[node] = min(votes, key=lambda title: (-votes[title], title))
        home |= found
    parts = groups({node: home.get(node, NOBODY) for node in nodes}, nodes)
    if len(parts) > MOST_GROUPS:
        rest = parts[MOST_GROUPS - 1 :]
        merged = f"{len(rest):,} small ones", [node for _, members in rest for node in members]
        parts = sorted([*parts[: MOST_GROUPS - 1], merged], key=lambda it: -len(it[1]))
    return Partition(parts)


def _teams(graph: Graph) -> dict[Node, str]:
    return {
        agent: str(graph.nodes[team].get("name") or graph.nodes[team].get("team_id") or team)
        for agent, team, edge in sorted(graph.edges(data=True), key=str)
        if edge.get("type") == "MEMBER_OF" and graph.nodes[team].get("label") == "Team"
    }


def _louvain(graph: Graph, nodes: Sequence[Node]) -> Communities:
    pairs = links_of(graph, nodes)
    links: nx.Graph[int] = nx.Graph()
    links.add_nodes_from(sorted({at for pair in pairs for at in pair}))
    links.add_edges_from(pairs)
    found, modularity = list[set[int]](), 0.0
    if len(links):
        found = nx.community.louvain_communities(links, seed=SEED)
        modularity = float(nx.community.modularity(links, found))
    members = [{nodes[at] for at in part} for part in found]
    return Communities.of(members, modularity, Algorithm.LOUVAIN, 1.0, SEED)


def links_of(graph: Graph, nodes: Sequence[Node]) -> list[Link]:
    """Who is linked with whom, by number: sets of numbers have one order, those of strings not."""
    at = {node: number for number, node in enumerate(nodes)}
    pairs = ((at[u], at[v]) for u, v in graph.edges() if u in at and v in at and u != v)
    return sorted({(min(pair), max(pair)) for pair in pairs})


def in_columns(links: Sequence[Link], left: Sequence[int], total: int) -> Floats:
    """Two columns, `left` and the others, each sorted by where the neighbours are."""
    sides = [list(left), sorted(set(range(total)) - set(left))]
    others: list[list[int]] = [[] for _ in range(total)]
    for a, b in links:
        others[a].append(b)
        others[b].append(a)
    place = np.zeros(total)
    for side in sides:
        place[side] = np.linspace(0, 1, len(side))
    for sweep in range(_SWEEPS):
        side = sides[(sweep + 1) % 2]
        wanted = {at: place[others[at] or [at]].mean() for at in side}
        side.sort(key=wanted.__getitem__)
        place[side] = np.linspace(0, 1, len(side))
    rows = max(map(len, sides))
    found = np.zeros((total, 2))
    for x, side in enumerate(sides):
        half = (rows - 1 if len(side) > rows / 2 else len(side) - 1) / 2
        found[side] = np.column_stack([np.full(len(side), x), np.linspace(half, -half, len(side))])
    return found


def by_forces(links: Sequence[Link], radii: Floats, aspect: float) -> Arrangement:
    """Linked nodes near each other (Kamada and Kawai, 1989), without overlap."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(radii)))
    graph.add_edges_from(links)
    parts = sorted(map(sorted, nx.connected_components(graph)), key=lambda it: (-len(it), it))
    found = np.zeros((len(radii), 2))
    for part in parts:
        if len(part) > 1:
            room = 3.3 * float(np.mean(radii[part])) * len(part) ** 0.5
            unfolded = nx.kamada_kawai_layout(graph.subgraph(part))
            found[part] = room * _lying(np.array([unfolded[at] for at in part]))
    if len(parts) > 1:
        reach = [float(np.hypot(*found[part].T).max()) + 4 for part in parts]
        for part, centre in zip(parts, packed({}, reach, aspect), strict=True):
            found[part] += centre
    return Arrangement(separated(found, radii * 1.4))


def _lying(places: Floats) -> Floats:
    """The places around their middle, turned so that they are widest from left to right."""
    places = places - places.mean(axis=0)
    _, _, axes = np.linalg.svd(places, full_matrices=False)
    signs = np.where(axes[np.arange(2), np.abs(axes).argmax(axis=1)] < 0, -1.0, 1.0)
    return places @ (axes * signs[:, None]).T


def by_community(
    links: Sequence[Link], home: Sequence[int], radii: Floats, aspect: float
) -> Arrangement:
    """Each community in a disc, the largest nodes in its middle; linked discs near each other.

    `home` is the number of each node's community.
    """
    found = np.zeros((len(radii), 2))
    reach: list[float] = []
    for group in range(max(home) + 1):
        members = [at for at in np.argsort(-radii, kind="stable") if home[at] == group]
        found[members] = sunflower(radii[members] * 1.15)
        reach.append(float((np.hypot(*found[members].T) + radii[members]).max()) + _AIR)
    between = Counter((min(home[a], home[b]), max(home[a], home[b])) for a, b in links)
    weights = {pair: float(number) for pair, number in between.items() if pair[0] != pair[1]}
    centres = packed(weights, reach, aspect) if len(reach) > 1 else np.zeros((1, 2))
    discs = [
        Disc(number, (float(x), float(y)), size - _AIR + 0.8)
        for number, ((x, y), size) in enumerate(zip(centres, reach, strict=True))
    ]
    return Arrangement(found + centres[list(home)], discs)


def sunflower(radii: Floats) -> Floats:
    """Places (n, 2) for discs, the first in the middle, each as far out as those before need.

    Vogel, "A better way to construct the sunflower head" (1979), with areas that differ.
    """
    areas = np.square(radii)
    out = np.sqrt(1.2 * (np.cumsum(areas) - areas / 2))
    out[:1] = 0.0
    angles = _GOLDEN_ANGLE * np.arange(len(radii))
    return separated(np.column_stack([out * np.cos(angles), out * np.sin(angles)]), radii)


def separated(places: Floats, radii: Floats, rounds: int = 60) -> Floats:
    """The places moved apart until no two discs overlap, or `rounds` are over."""
    places = places.copy()
    most = radii.max(initial=0.0)
    for _ in range(rounds):
        one, other = KDTree(places).query_pairs(2 * most, output_type="ndarray").T
        away = places[one] - places[other]
        distance = np.hypot(*away.T)
        short = radii[one] + radii[other] - distance
        if short.max(initial=0.0) <= 1e-3 * most:
            break
        push = away * (0.5 * np.maximum(short, 0.0) / np.maximum(distance, 1e-9))[:, None]
        for axis in (0, 1):
            moved = places[:, axis]
            moved += np.bincount(one, push[:, axis], len(radii))
            moved -= np.bincount(other, push[:, axis], len(radii))
    return places


def packed(links: Mapping[Link, float], radii: Sequence[float], aspect: float) -> Floats:
    """Places for discs, those with many links near each other, in a shape `aspect` times as wide.

    A force layout (Fruchterman and Reingold, 1991) of the discs, drawn together step by step while
    overlaps are resolved.
    """
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(radii)))
    graph.add_weighted_edges_from((a, b, weight) for (a, b), weight in links.items())
    found = nx.spring_layout(graph, seed=SEED, iterations=80, method="force")
    size = np.array(radii, dtype=float)
    places = np.array([found[at] for at in graph]).reshape(-1, 2) * size.sum()
    places *= np.array([aspect, 1.0])
    squeeze = np.array([0.985, 0.985 ** (1.6 * max(aspect, 1.0))])
    for _ in range(220):
        places = separated((places - places.mean(axis=0)) * squeeze, size, rounds=3)
    return separated(places, size, rounds=800)
