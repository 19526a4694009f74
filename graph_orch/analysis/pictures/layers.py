"""A layered layout of a directed graph: what depends on nothing on the left, edges to the right.

Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures"
(1981): levels by longest paths, order in a level by barycentres, places by least squares.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right, insort
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from scipy.optimize import isotonic_regression

from graph_orch.analysis.nodes import by_name
from graph_orch.analysis.pictures.texts import Floats

Node = Hashable
Edge = tuple[Node, Node]
Point = tuple[float, float]
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

    @property
    def depth(self) -> int:
        """How many levels there are."""
        return max(self.levels.values(), default=-1) + 1


@dataclass(frozen=True)
class Layout:
    """Where nodes are (column, row), and by which rows an edge passes the levels between."""

    places: dict[Node, Point]
    bends: dict[Edge, list[Point]]


def flow(graph: nx.Graph[Any], tasks: Iterable[Node]) -> Flow:
    """The levels of some tasks of a graph whose edges go to what a task waits for."""
    there = set(tasks)
    waits: nx.DiGraph[Any] = nx.DiGraph()
    waits.add_nodes_from(sorted(there, key=by_name))
    pairs = {(v, u) for u, v in graph.edges() if u in there and v in there}
    waits.add_edges_from(sorted(pairs, key=lambda pair: (by_name(pair[0]), by_name(pair[1]))))
    against: list[Edge] = []
    open_: set[Node] = set()
    for before, after, kind in list(nx.dfs_labeled_edges(waits)):
        if kind == "forward":
            open_.add(after)
        elif kind == "reverse":
            open_.discard(after)
        elif after in open_:  # the search came from there
            against.append((before, after))
    waits.remove_edges_from(against)
    generations = enumerate(nx.topological_generations(waits))
    levels = {node: level for level, nodes in generations for node in nodes}
    return Flow(levels, list(waits.edges), against)


@dataclass(frozen=True)
class _Bend:
    """Where a long edge passes a level."""

    edge: Edge
    level: int


Rows = list[list[Node]]
Links = dict[Node, tuple[list[Node], list[Node]]]


def layout(found: Flow, most_rows: int) -> Layout:
    """Places for the nodes. A level of more than `most_rows` nodes takes several columns."""
    rows, links, chains = _with_bends(found)
    _reduce_crossings(rows, links)
    wide = [_wide(row, most_rows) for row in rows]
    places = _columns(rows, _heights(rows, links, wide), wide)
    bends = {edge: [places[bend] for bend in chain] for edge, chain in chains.items()}
    return Layout({node: places[node] for node in found.levels}, bends)


def _with_bends(found: Flow) -> tuple[Rows, Links, dict[Edge, list[_Bend]]]:
    """The levels, each in a fixed order, and who is linked with whom, by way of the bends."""
    rows: Rows = [[] for _ in range(found.depth)]
    for node in sorted(found.levels, key=by_name):
        rows[found.levels[node]].append(node)
    links: Links = {node: ([], []) for node in found.levels}
    passed = sum(found.levels[v] - found.levels[u] - 1 for u, v in found.edges)
    chains: dict[Edge, list[_Bend]] = {}
    for edge in found.edges:
        levels = range(found.levels[edge[0]] + 1, found.levels[edge[1]])
        chains[edge] = [_Bend(edge, at) for at in levels] if passed <= _MOST_BENDS else []
        for bend in chains[edge]:
            rows[bend.level].append(bend)
            links[bend] = ([], [])
        for before, after in itertools.pairwise([edge[0], *chains[edge], edge[1]]):
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


def _heights(rows: Rows, links: Links, wide: Sequence[int]) -> dict[Node, float]:
    """Heights near those of the neighbours, in the order of each level, with room for each."""
    rooms: list[Floats] = []  # the least heights above the first of the level
    heights: dict[Node, float] = {}
    for row, columns in zip(rows, wide, strict=True):
        need = np.array([_BEND_ROOM if isinstance(node, _Bend) else 1 / columns for node in row])
        room = np.cumsum(need) - (need + need[0]) / 2
        rooms.append(room)
        heights.update(zip(row, (room - room[-1] / 2).tolist(), strict=True))
    for sweep in range(_SWEEPS):
        side = sweep % 2
        turn = list(zip(rows, rooms, strict=True))
        for row, room in turn if side == 0 else reversed(turn):
            wanted = [_mean(links[node][side], heights, heights[node]) for node in row]
            settled = isotonic_regression(np.array(wanted) - room).x + room
            heights.update(zip(row, settled.tolist(), strict=True))
    return heights


def _wide(row: Sequence[Node], most_rows: int) -> int:
    """How many columns a level takes."""
    return max(1, math.ceil(sum(not isinstance(node, _Bend) for node in row) / most_rows))


def _columns(rows: Rows, heights: Mapping[Node, float], wide: Sequence[int]) -> dict[Node, Point]:
    """Columns by level: neighbours in a level of several columns stand in one after another."""
    places: dict[Node, Point] = {}
    left = 0.0
    for row, columns in zip(rows, wide, strict=True):
        turn = itertools.cycle(range(columns))
        for node in row:
            at = (columns - 1) / 2 if isinstance(node, _Bend) else next(turn)
            places[node] = (left + at * _STAGGER, heights[node])
        left += (columns - 1) * _STAGGER + 1.0
    return places
