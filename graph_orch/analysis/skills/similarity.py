"""How much agents have in common: nearest neighbours and projections, without a dense matrix.

The products of the sparse matrix of agents and skills are made a block of rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from graph_orch.analysis.checks import number, one_of, whole
from graph_orch.analysis.model import AgentSkills, Given, Matrix
from graph_orch.errors import AnalysisError

Weight = Literal["count", "jaccard", "cosine", "newman"]
Side = Literal["agents", "skills"]
Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.int64]"

BLOCK = 2_000_000
"""Cells of the product that are held at once, at most."""


@dataclass(frozen=True, slots=True)
class Similar:
    """A node that is like another, and how much."""

    node: Hashable
    similarity: float


def nearest(
    graph: Given,
    k: int = 10,
    *,
    measure: Weight = "jaccard",
    side: Side = "agents",
) -> dict[Hashable, tuple[Similar, ...]]:
    """The `k` agents most like each agent by their skills (or skills, by who has them), best first.

    Only those with something in common count, so there may be fewer than k. With the sets of
    skills A and B: `jaccard` |A ∩ B| / |A ∪ B| (Jaccard 1901), `cosine` |A ∩ B| / sqrt(|A| |B|)
    (Salton & McGill 1983), `count` |A ∩ B|, `newman` as in `project`. Ties: the node's name.

    Raises:
        ValidationError: k is not a positive whole number, or measure or side are unknown.
        AnalysisError: agents and skills cannot be told apart; see `AgentSkills`.
    """
    k = whole("k", k, 1)
    nodes, held = _side(graph, side)
    found: dict[Hashable, tuple[Similar, ...]] = {}
    for row, others, weights in _rows(held, _known(measure)):
        best = _strongest(others, weights, k)
        found[nodes[row]] = tuple(
            Similar(nodes[other], weight)
            for other, weight in zip(others[best].tolist(), weights[best].tolist(), strict=True)
        )
    return found


def project(
    graph: Given,
    side: Side = "agents",
    *,
    weight: Weight = "count",
    max_degree: int | None = None,
    strongest: int | None = None,
    min_weight: float = 0.0,
    max_edges: int = 2_000_000,
) -> nx.Graph[Any]:
    """Agents joined by the skills they share (or skills, by the agents they share).

    The edges' `weight` is, of what two nodes share: `count` how many; `jaccard` and `cosine` as in
    `nearest`; `newman` the sum of 1 / (n - 1), n being how many have it (Newman 2001, Scientific
    collaboration networks II, Phys. Rev. E 64, 016132), so that what everybody has joins nobody
    much. Nodes keep their attributes.

    A skill that n agents have makes n (n - 1) / 2 edges. Three bounds keep that small:
    `max_degree` leaves out skills that more agents have than that, as if they were not in the
    graph (they are listed in the result's `graph["left_out"]`); `strongest` keeps an edge only if
    it is among the so many strongest of one of its ends (ties: the other's name); `min_weight`
    keeps those at least so heavy. More than `max_edges` after that are refused, before they are
    made.

    Raises:
        ValidationError: a bound is not a positive whole number (min_weight: a number of 0 or
            more), or weight or side are unknown.
        AnalysisError: there would be more than `max_edges` edges; or see `AgentSkills`.
    """
    _known(weight)
    view = AgentSkills.of(graph)
    nodes, held = _side(view, side)
    kept, left_out = _without_hubs(view, side, held, max_degree)
    limit = None if strongest is None else whole("strongest", strongest, 1)
    least = number("min_weight", min_weight)
    edges = _edges(kept, weight, limit, least, whole("max_edges", max_edges, 1))
    made: nx.Graph[Any] = nx.Graph(weight=weight, side=side, left_out=left_out)
    made.add_nodes_from((node, dict(view.attributes(node))) for node in nodes)
    made.add_weighted_edges_from((nodes[i], nodes[j], value) for i, j, value in edges)
    return made


def overlaps(held: Matrix, weight: Weight = "count") -> Iterator[tuple[int, Matrix]]:
    """The weights between rows and all rows, a block at a time, each with its first row."""
    shares = _shared(held, weight)
    sizes = degrees(held, 1).astype(float)
    others = csr_array(held.T)
    step = max(1, BLOCK // max(1, held.shape[0]))
    for first in range(0, held.shape[0], step):
        block = csr_array(shares[first : first + step] @ others)
        rows = np.repeat(np.arange(first, first + block.shape[0]), np.diff(block.indptr))
        block.data = _MEASURES[weight](block.data, sizes[rows], sizes[block.indices])
        yield first, block


def degrees(held: Matrix, axis: int) -> Ints:
    """How many each row (axis 1) or column (axis 0) has."""
    return np.asarray(held.sum(axis=axis)).astype(np.int64)


_MEASURES: dict[Weight, Callable[[Floats, Floats, Floats], Floats]] = {
    "count": lambda shared, one, other: shared,
    "jaccard": lambda shared, one, other: shared / (one + other - shared),
    "cosine": lambda shared, one, other: shared / np.sqrt(one * other),
    "newman": lambda shared, one, other: shared,
}


def _known(weight: Weight) -> Weight:
    one_of("weight", weight, get_args(Weight))
    return weight


def _side(graph: Given, side: Side) -> tuple[tuple[Hashable, ...], Matrix]:
    one_of("side", side, get_args(Side))
    view = AgentSkills.of(graph)
    if side == "agents":
        return view.agents, view.matrix
    return view.skills, csr_array(view.matrix.T)


def _shared(held: Matrix, weight: Weight) -> Matrix:
    if weight != "newman":
        return held
    owners = degrees(held, 0)
    return csr_array(held @ diags_array(1.0 / np.maximum(owners - 1, 1)))


def _rows(held: Matrix, weight: Weight) -> Iterator[tuple[int, Ints, Floats]]:
    """Each row with the rows that it has something in common with, but itself, and how much."""
    for first, block in overlaps(held, weight):
        for at in range(block.shape[0]):
            part = slice(int(block.indptr[at]), int(block.indptr[at + 1]))
            others, weights = block.indices[part], block.data[part]
            apart = others != first + at
            # Equal ratios may differ in their last bit; what is equal is a tie.
            yield first + at, others[apart].astype(np.int64), np.round(weights[apart], 12)


def _strongest(others: Ints, weights: Floats, k: int) -> Ints:
    """Where the k greatest weights are, greatest first; of equal ones the first in order."""
    if len(weights) > k:
        least = -np.partition(-weights, k - 1)[k - 1]
        above, equal = np.flatnonzero(weights > least), np.flatnonzero(weights == least)
        equal = equal[np.argsort(others[equal], kind="stable")][: k - len(above)]
        chosen = np.concatenate((above, equal))
    else:
        chosen = np.arange(len(weights))
    return chosen[np.lexsort((others[chosen], -weights[chosen]))]


def _without_hubs(
    view: AgentSkills, side: Side, held: Matrix, max_degree: int | None
) -> tuple[Matrix, list[Hashable]]:
    if max_degree is None:
        return held, []
    keep = degrees(held, 0) <= whole("max_degree", max_degree, 1)
    shared = view.skills if side == "agents" else view.agents
    left_out = [node for node, kept in zip(shared, keep.tolist(), strict=True) if not kept]
    return csr_array(held[:, np.flatnonzero(keep)]), left_out


def _edges(
    held: Matrix, weight: Weight, strongest: int | None, min_weight: float, max_edges: int
) -> list[tuple[int, int, float]]:
    """The edges (i, j, weight) with i < j, each once, in order."""
    parts: list[tuple[Ints, Ints, Floats]] = []
    size = 0
    for i, j, values in _ends(held, weight, strongest, min_weight):
        parts.append((i, j, values))
        size += len(i)
        if size > max_edges * (1 if strongest is None else 2):
            raise AnalysisError(_too_many(held, max_edges))
    return _each_once(parts, max_edges, held)


def _ends(
    held: Matrix, weight: Weight, strongest: int | None, min_weight: float
) -> Iterator[tuple[Ints, Ints, Floats]]:
    if strongest is None:
        return _all_ends(held, weight, min_weight)
    return _strong_ends(held, weight, strongest, min_weight)


def _all_ends(
    held: Matrix, weight: Weight, min_weight: float
) -> Iterator[tuple[Ints, Ints, Floats]]:
    for first, block in overlaps(held, weight):
        rows = np.repeat(np.arange(first, first + block.shape[0]), np.diff(block.indptr))
        keep = (rows < block.indices) & (block.data >= min_weight)
        yield rows[keep], block.indices[keep].astype(np.int64), block.data[keep]


def _strong_ends(
    held: Matrix, weight: Weight, strongest: int, min_weight: float
) -> Iterator[tuple[Ints, Ints, Floats]]:
    for row, others, weights in _rows(held, weight):
        best = _strongest(others, weights, strongest)
        best = best[weights[best] >= min_weight]
        ends = others[best]
        yield np.minimum(row, ends), np.maximum(row, ends), weights[best]


def _each_once(
    parts: list[tuple[Ints, Ints, Floats]], max_edges: int, held: Matrix
) -> list[tuple[int, int, float]]:
    if not parts:
        return []
    i, j, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    _, first = np.unique(i * held.shape[0] + j, return_index=True)
    if len(first) > max_edges:
        raise AnalysisError(_too_many(held, max_edges))
    return list(zip(i[first].tolist(), j[first].tolist(), values[first].tolist(), strict=True))


def _too_many(held: Matrix, max_edges: int) -> str:
    owners = degrees(held, 0)
    most = min(int((owners * (owners - 1) // 2).sum()), held.shape[0] * (held.shape[0] - 1) // 2)
    return (
        f"the projection on {held.shape[0]:,} nodes has more than {max_edges:,} edges (up to "
        f"{most:,}; the busiest shared node joins {int(owners.max()):,}): bound it with "
        "strongest=, max_degree= or min_weight=, or raise max_edges="
    )
