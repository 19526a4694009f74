"""Where the nodes of the agent-skill graph stand: in two columns, by forces, or by community."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from graph_orch.analysis.pictures.nodes import Groups, Node, edges, groups
from graph_orch.analysis.pictures.packing import packed, separated, sunflower
from graph_orch.domain.models.teams import Algorithm, Communities

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Graph = nx.Graph[Any]

SEED = 7
NOBODY = "none"
"""Those that are in no community: they are neither named nor coloured as one."""
MOST_GROUPS = 40
_SWEEPS = 8
_AIR = 2.6
"""The room around a community, in radii of a small node."""


@dataclass(frozen=True)
class Disc:
    """A community as a disc."""

    group: int
    centre: tuple[float, float]
    radius: float


@dataclass
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
    return Partition(_shared_out(graph, nodes, given))


def _shared_out(graph: Graph, nodes: Sequence[Node], given: Groups) -> list[tuple[str, list[Node]]]:
    named = groups(given, nodes)
    home = {node: title for title, members in named for node in members}
    for _ in range(2):  # the second time for nodes that only have neighbours like themselves
        votes = {node: _vote(graph, node, home) for node in nodes if node not in home}
        home |= {node: title for node, title in votes.items() if title is not None}
    return _few(groups({node: home.get(node, NOBODY) for node in nodes}, nodes))


def _few(parts: list[tuple[str, list[Node]]]) -> list[tuple[str, list[Node]]]:
    """At most so many that each can be seen; the smallest are one."""
    if len(parts) <= MOST_GROUPS:
        return parts
    rest = parts[MOST_GROUPS - 1 :]
    merged = f"{len(rest):,} small ones", [node for _, members in rest for node in members]
    return sorted([*parts[: MOST_GROUPS - 1], merged], key=lambda it: -len(it[1]))


def _teams(graph: Graph) -> dict[Node, str]:
    return {
        agent: str(graph.nodes[team].get("name") or graph.nodes[team].get("team_id") or team)
        for agent, team, edge in sorted(edges(graph), key=str)
        if edge.get("type") == "MEMBER_OF" and graph.nodes[team].get("label") == "Team"
    }


def _louvain(graph: Graph, nodes: Sequence[Node]) -> Communities:
    links = _numbered(graph, nodes)
    links.remove_nodes_from([at for at in links if not links.degree(at)])
    found, modularity = list[set[int]](), 0.0
    if len(links):
        found = nx.community.louvain_communities(links, seed=SEED)
        modularity = float(nx.community.modularity(links, found))
    members = [{nodes[at] for at in part} for part in found]
    return Communities.of(members, modularity, Algorithm.LOUVAIN, 1.0, SEED)


def _numbered(graph: Graph, nodes: Sequence[Node]) -> nx.Graph[int]:
    """Who is linked with whom, by number: sets of numbers have one order, those of strings not."""
    at = {node: number for number, node in enumerate(nodes)}
    links: nx.Graph[int] = nx.Graph()
    links.add_nodes_from(range(len(nodes)))
    pairs = ((at[u], at[v]) for u, v in graph.edges() if u in at and v in at and u != v)
    links.add_edges_from(sorted({(min(pair), max(pair)) for pair in pairs}))
    return links


def _vote(graph: Graph, node: Node, home: Mapping[Node, str]) -> str | None:
    votes = Counter(home[other] for other in nx.all_neighbors(graph, node) if other in home)
    return min(votes, key=lambda title: (-votes[title], title), default=None)


def in_columns(links: Sequence[tuple[int, int]], left: Sequence[int], total: int) -> Floats:
    """Two columns, `left` and the others, each sorted by where the neighbours are."""
    sides = [list(left), sorted(set(range(total)) - set(left))]
    others: dict[int, list[int]] = {at: [] for at in range(total)}
    for a, b in links:
        others[a].append(b)
        others[b].append(a)
    place = {node: at / max(len(side) - 1, 1) for side in sides for at, node in enumerate(side)}
    for sweep in range(_SWEEPS):
        side = sides[(sweep + 1) % 2]
        wanted = {node: _mean([place[it] for it in others[node]], place[node]) for node in side}
        side.sort(key=wanted.__getitem__)
        place.update({node: at / max(len(side) - 1, 1) for at, node in enumerate(side)})
    rows = max(map(len, sides))
    found = np.zeros((total, 2))
    for x, side in enumerate(sides):
        step = (rows - 1) / max(len(side) - 1, 1) if len(side) > rows / 2 else 1.0
        for at, node in enumerate(side):
            found[node] = x, (len(side) - 1) / 2 * step - at * step
    return found


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def by_forces(graph: Graph, nodes: Sequence[Node], radii: Floats, aspect: float) -> Arrangement:
    """Linked nodes near each other (Kamada and Kawai, 1989), without overlap."""
    links = _numbered(graph, nodes)
    parts = sorted(map(sorted, nx.connected_components(links)), key=lambda it: (-len(it), it))
    inner = [_unfolded(links, part, radii) for part in parts]
    reach = [float(np.hypot(*it.T).max(initial=0.0)) + 4 for it in inner]
    centres = packed({}, reach, aspect, SEED) if len(parts) > 1 else np.zeros((1, 2))
    found = np.zeros((len(nodes), 2))
    for part, places, centre in zip(parts, inner, centres, strict=True):
        found[part] = places + centre
    return Arrangement(separated(found, radii * 1.4))


def _unfolded(links: nx.Graph[int], part: Sequence[int], radii: Floats) -> Floats:
    if len(part) == 1:
        return np.zeros((1, 2))
    own: nx.Graph[int] = nx.Graph()
    own.add_nodes_from(part)
    own.add_edges_from(links.edges(part))
    places = nx.kamada_kawai_layout(own)
    found = np.array([places[at] for at in part])
    room = 2.2 * float(np.mean(radii[list(part)]))
    return _lying(found - found.mean(axis=0)) * room * np.sqrt(len(part)) * 1.5


def _lying(places: Floats) -> Floats:
    """The places turned so that they are widest from left to right."""
    _, _, axes = np.linalg.svd(places, full_matrices=False)
    signs = np.where(axes[np.arange(2), np.abs(axes).argmax(axis=1)] < 0, -1.0, 1.0)
    return places @ (axes * signs[:, None]).T


def by_community(
    links: Sequence[tuple[int, int]],
    groups_: Sequence[Sequence[int]],
    radii: Floats,
    aspect: float,
) -> Arrangement:
    """Each community in a disc, the largest nodes in its middle; linked discs near each other."""
    home = np.zeros(len(radii), dtype=int)
    found = np.zeros((len(radii), 2))
    reach: list[float] = []
    for number, members in enumerate(groups_):
        inside = sorted(members, key=lambda it: (-radii[it], it))
        found[inside] = sunflower(radii[inside] * 1.15)
        home[inside] = number
        reach.append(float((np.hypot(*found[inside].T) + radii[inside]).max()) + _AIR)
    between = Counter((min(a, b), max(a, b)) for a, b in ((home[u], home[v]) for u, v in links))
    weights = {(int(a), int(b)): float(n) for (a, b), n in between.items() if a != b}
    centres = packed(weights, reach, aspect, SEED) if len(reach) > 1 else np.zeros((1, 2))
    found += centres[home]
    discs = [
        Disc(number, (float(x), float(y)), size - _AIR + 0.8)
        for number, ((x, y), size) in enumerate(zip(centres, reach, strict=True))
    ]
    return Arrangement(found, discs)
