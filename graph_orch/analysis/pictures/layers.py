"""A layered layout of a directed graph: what depends on nothing on the left, edges to the right.

Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures"
(1981): levels by longest paths, order in a level by barycentres, places by least squares.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right, insort
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from graph_orch.analysis.pictures.texts import order

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Node = Hashable
Edge = tuple[Node, Node]
_SWEEPS, _MOST_BENDS = 12, 20_000
_BEND_ROOM = 0.35
"""The room that an edge takes in a level that it passes; a node takes 1."""
_STAGGER = 0.4
"""The columns of one level are this far apart; levels are 1 apart."""


@dataclass(frozen=True)
class Flow:
    """A graph of which every edge goes from an earlier level to a later one.

    `against` are the edges that would close a cycle, self loops too; they count for no level.
    """

    levels: dict[Node, int]
    edges: list[Edge]
    against: list[Edge]

    def columns(self) -> list[list[Node]]:
        """The nodes by level, each level in a fixed order."""
        found: list[list[Node]] = [[] for _ in range(max(self.levels.values(), default=-1) + 1)]
        for node in sorted(self.levels, key=order):
            found[self.levels[node]].append(node)
        return found


@dataclass
class Layout:
    """Where nodes are (column, row), and by which rows an edge passes the levels between."""

    places: dict[Node, tuple[float, float]] = field(default_factory=dict[Node, tuple[float, float]])
    bends: dict[Edge, list[tuple[float, float]]] = field(
        default_factory=dict[Edge, list[tuple[float, float]]]
    )


def flow(graph: nx.DiGraph[Any]) -> Flow:
    """The levels of a graph whose edges go from what comes first to what comes after."""
    edges = sorted({(u, v) for u, v in graph.edges() if u != v}, key=lambda it: (*map(order, it),))
    loops = [(u, v) for u, v in graph.edges() if u == v]
    back = _closing(graph, edges)
    kept = [edge for edge in edges if edge not in back]
    return Flow(_longest(graph, kept), kept, [*sorted(back, key=str), *loops])


def _closing(graph: nx.DiGraph[Any], edges: Sequence[Edge]) -> set[Edge]:
    """The edges that depth-first search finds to lead back to where it came from."""
    after: dict[Node, list[Node]] = {node: [] for node in sorted(graph, key=order)}
    for u, v in edges:
        after[u].append(v)
    found: set[Edge] = set()
    done: set[Node] = set()
    for root in after:
        if root not in done:
            _walk(root, after, done, found)
    return found


def _walk(
    root: Node, after: Mapping[Node, Sequence[Node]], done: set[Node], found: set[Edge]
) -> None:
    stack, open_ = [(root, iter(after[root]))], {root}
    while stack:
        node, rest = stack[-1]
        for other in rest:
            if other in open_:
                found.add((node, other))
            elif other not in done:
                open_.add(other)
                stack.append((other, iter(after[other])))
                break
        else:
            stack.pop()
            open_.discard(node)
            done.add(node)


def _longest(graph: nx.DiGraph[Any], edges: Sequence[Edge]) -> dict[Node, int]:
    acyclic: nx.DiGraph[Any] = nx.DiGraph(edges)
    acyclic.add_nodes_from(graph)
    levels: dict[Node, int] = {}
    for node in nx.topological_sort(acyclic):
        levels[node] = max((levels[other] + 1 for other in acyclic.predecessors(node)), default=0)
    return levels


def layout(found: Flow, most_rows: int) -> Layout:
    """Places for the nodes. A level of more than `most_rows` nodes takes several columns."""
    rows, links, chains = _with_bends(found)
    _reduce_crossings(rows, links)
    heights = _heights(rows, links, most_rows)
    places = _columns(rows, heights, most_rows)
    bends = {edge: [places[bend] for bend in chain] for edge, chain in chains.items()}
    return Layout({node: places[node] for node in found.levels}, bends)


@dataclass(frozen=True)
class _Bend:
    """Where a long edge passes a level."""

    edge: Edge
    level: int


Rows = list[list[Node]]
Links = dict[Node, tuple[list[Node], list[Node]]]


def _with_bends(found: Flow) -> tuple[Rows, Links, dict[Edge, list[_Bend]]]:
    rows = found.columns()
    links: Links = {node: ([], []) for row in rows for node in row}
    long = [edge for edge in found.edges if found.levels[edge[1]] - found.levels[edge[0]] > 1]
    passed = sum(found.levels[v] - found.levels[u] - 1 for u, v in long)
    bent = set(long) if passed <= _MOST_BENDS else set[Edge]()
    chains: dict[Edge, list[_Bend]] = {}
    for edge in found.edges:
        levels = range(found.levels[edge[0]] + 1, found.levels[edge[1]])
        chain = chains[edge] = [_Bend(edge, at) for at in levels] if edge in bent else []
        for bend in chain:
            rows[bend.level].append(bend)
            links[bend] = ([], [])
        way: list[Node] = [edge[0], *chain, edge[1]]
        for before, after in itertools.pairwise(way):
            links[before][1].append(after)
            links[after][0].append(before)
    return rows, links, chains


def _reduce_crossings(rows: Rows, links: Links) -> None:
    """Sort each level by the mean place of its neighbours, to the right and back, several times."""
    best, least = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(_SWEEPS):
        if least == 0:
            break
        side = sweep % 2
        place = {node: float(at) for row in rows for at, node in enumerate(row)}
        for row in rows if side == 0 else reversed(rows):
            wanted = {node: _mean(links[node][side], place, place[node]) for node in row}
            row.sort(key=wanted.__getitem__)
            place.update((node, float(at)) for at, node in enumerate(row))
        now = _crossings(rows, links)
        if now < least:
            best, least = [list(row) for row in rows], now
    rows[:] = best


def _mean(others: Sequence[Node], place: Mapping[Node, float], own: float) -> float:
    return sum(place[other] for other in others) / len(others) if others else own


def _crossings(rows: Rows, links: Links) -> int:
    """How often edges between neighbouring levels cross: the inversions of their ends."""
    total = 0
    for row, following in itertools.pairwise(rows):
        place = {node: at for at, node in enumerate(following)}
        seen: list[int] = []
        for node in row:
            ends = sorted(place[other] for other in links[node][1] if other in place)
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _heights(rows: Rows, links: Links, most_rows: int) -> dict[Node, float]:
    """Heights near those of the neighbours, in the order of each level, with room for each."""
    rooms = [_rooms(row, most_rows) for row in rows]
    heights: dict[Node, float] = {}
    for row, room in zip(rows, rooms, strict=True):
        middle = room[-1] / 2 if row else 0.0
        heights.update((node, float(at - middle)) for node, at in zip(row, room, strict=True))
    for sweep in range(_SWEEPS):
        side = sweep % 2
        turn = list(zip(rows, rooms, strict=True))
        for row, room in turn if side == 0 else reversed(turn):
            wanted = [_mean(links[node][side], heights, heights[node]) for node in row]
            settled = _in_order(np.array(wanted) - room) + room
            heights.update((node, float(at)) for node, at in zip(row, settled, strict=True))
    return heights


def _rooms(row: Sequence[Node], most_rows: int) -> Floats:
    """The least heights above the first of the level that leave each its room."""
    share = 1 / _wide(row, most_rows)
    need = np.array([_BEND_ROOM if isinstance(node, _Bend) else share for node in row])
    return np.concatenate([[0.0], np.cumsum((need[:-1] + need[1:]) / 2)]) if row else need


def _wide(row: Sequence[Node], most_rows: int) -> int:
    """How many columns a level takes."""
    return max(1, math.ceil(sum(not isinstance(node, _Bend) for node in row) / most_rows))


def _in_order(wanted: Floats) -> Floats:
    """The ascending numbers nearest to those wanted: pool adjacent violators."""
    blocks: list[tuple[float, int]] = []
    for value in wanted:
        mean, size = float(value), 1
        while blocks and blocks[-1][0] > mean:
            other, number = blocks.pop()
            mean, size = (mean * size + other * number) / (size + number), size + number
        blocks.append((mean, size))
    return np.repeat([mean for mean, _ in blocks], [size for _, size in blocks])


def _columns(
    rows: Rows, heights: Mapping[Node, float], most_rows: int
) -> dict[Node, tuple[float, float]]:
    """Columns by level: neighbours in a level of several columns stand in one after another."""
    places: dict[Node, tuple[float, float]] = {}
    left = 0.0
    for row in rows:
        wide = _wide(row, most_rows)
        real = [node for node in row if not isinstance(node, _Bend)]
        for at, node in enumerate(real):
            places[node] = (left + (at % wide) * _STAGGER, heights[node])
        middle = left + (wide - 1) * _STAGGER / 2
        places.update((node, (middle, heights[node])) for node in row if isinstance(node, _Bend))
        left += (wide - 1) * _STAGGER + 1.0
    return places
