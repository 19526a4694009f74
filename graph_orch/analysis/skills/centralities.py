"""Centrality of agents and skills, by sparse linear algebra."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackError, eigsh

from graph_orch.analysis.checks import number, one_of, whole
from graph_orch.analysis.model import AgentSkills, Given, Matrix, graph_of
from graph_orch.analysis.nodes import by_name, is_labelled
from graph_orch.analysis.skills.similarity import degrees
from graph_orch.domain.models.teams import SEED
from graph_orch.errors import AnalysisError

Measure = Literal["degree", "betweenness", "eigenvector", "pagerank"]
Floats: TypeAlias = "NDArray[np.float64]"

EXACT = 2_000
"""Up to so many nodes, betweenness starts from each unless it is told otherwise."""
SAMPLES = 256
SOURCES = 64
"""Sources whose shortest paths are counted together."""
DENSE = 300


@dataclass(frozen=True, slots=True)
class _Network:
    """Nodes, their adjacency, and how many of them, the first, are agents (None: no sides)."""

    nodes: tuple[Hashable, ...]
    adjacency: Matrix
    agents: int | None


def centrality(
    graph: Given,
    measure: Measure = "degree",
    *,
    samples: int | None = None,
    seed: int = 0,
    damping: float = 0.85,
) -> dict[Hashable, float]:
    """How central each agent and each skill is, edges taken as undirected and each once.

    - `degree`: divided by the size of the other side.
    - `betweenness`: the shortest paths between others that go through it (Brandes 2001), divided
      by the most that a node of its side could have. `samples` sources are chosen with `seed` and
      scaled up (Brandes & Pich 2007); by default all in graphs of up to 2,000 nodes, else 256.
      `samples=len(graph)` is exact for any.
    - `eigenvector`: of the adjacency, with length 1 (Bonacich 1972).
    - `pagerank`: with `damping` (Page et al. 1999); sums to 1.

    Degree and betweenness are normalised as Borgatti & Halgin (2011), Analyzing Affiliation
    Networks, do, and as `networkx.bipartite`. A graph whose nodes have neither `label` nor
    `bipartite` has no sides: it is normalised as usual, by n - 1 and (n - 1)(n - 2) / 2.

    Raises:
        ValidationError: the measure is unknown, or samples, seed or damping are out of range.
        AnalysisError: the eigenvector does not converge; or see `AgentSkills`.
    """
    one_of("measure", measure, get_args(Measure))
    damping = number("damping", damping, 0, 0.999)
    seed = SEED.of("seed", seed)
    network = _network(graph)
    if not network.nodes:
        return {}
    values = _values(network, measure, samples, seed, damping)
    return dict(zip(network.nodes, values.tolist(), strict=True))


def _values(
    network: _Network, measure: Measure, samples: int | None, seed: int, damping: float
) -> Floats:
    match measure:
        case "degree":
            return _divided(degrees(network.adjacency, 1).astype(float), _most_degree(network))
        case "betweenness":
            sources = _sources(len(network.nodes), samples, seed)
            return _divided(_betweenness(network.adjacency, sources), _most_between(network))
        case "eigenvector":
            return _eigenvector(network.adjacency)
        case "pagerank":
            return _pagerank(network.adjacency, damping)


def _network(given: Given) -> _Network:
    graph = graph_of(given)
    if not isinstance(given, AgentSkills) and not _has_sides(graph):
        return _without_sides(graph)
    view = AgentSkills.of(given)
    held = view.matrix
    if not held.nnz:  # block_array needs something on each side
        size = len(view.agents) + len(view.skills)
        return _Network((*view.agents, *view.skills), csr_array((size, size)), len(view.agents))
    adjacency = csr_array(block_array([[None, held], [held.T, None]]))
    return _Network((*view.agents, *view.skills), adjacency, len(view.agents))


def _has_sides(graph: nx.Graph[Any]) -> bool:
    nodes = graph.nodes(data=True)
    return any("bipartite" in data or is_labelled(data, "Agent", "Skill") for _, data in nodes)


def _without_sides(graph: nx.Graph[Any]) -> _Network:
    nodes = tuple(sorted(graph, key=by_name))
    if not nodes:
        return _Network((), csr_array((0, 0)), None)
    index = {node: i for i, node in enumerate(nodes)}
    found = [(index[one], index[other]) for one, other in graph.edges() if one != other]
    at = np.array(found, dtype=np.int64).reshape(-1, 2).T
    ends = np.concatenate((at, at[::-1]), axis=1)
    shape = (len(nodes), len(nodes))
    adjacency = csr_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=shape)
    adjacency.data[:] = 1.0
    return _Network(nodes, adjacency, None)


def _divided(values: Floats, most: Floats) -> Floats:
    return np.divide(values, most, out=np.zeros_like(values), where=most > 0)


def _most_degree(network: _Network) -> Floats:
    size, agents = len(network.nodes), network.agents
    if agents is None:
        return np.full(size, size - 1.0)
    return np.repeat([size - agents, agents], [agents, size - agents]).astype(float)


def _most_between(network: _Network) -> Floats:
    size, agents = len(network.nodes), network.agents
    if agents is None:
        return np.full(size, (size - 1) * (size - 2) / 2)
    skills = size - agents
    most = [_most_between_one(agents, skills), _most_between_one(skills, agents)]
    return np.repeat(most, [agents, skills])


def _most_between_one(own: int, other: int) -> float:
    """The most that one of `own` nodes can have, with `other` on the other side."""
    if not own or not other:
        return 0.0
    s, t = divmod(own - 1, other)
    more = other * (s + 1)
    return (more**2 + more * (2 * t - s - 1) - t * (2 * s - t + 3)) / 2


def _sources(size: int, samples: int | None, seed: int) -> NDArray[np.int64]:
    if samples is None:
        samples = size if size <= EXACT else SAMPLES
    if whole("samples", samples, 1) >= size:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, samples, replace=False))


def _betweenness(adjacency: Matrix, sources: NDArray[np.int64]) -> Floats:
    size = adjacency.shape[0]
    total = np.zeros(size)
    for first in range(0, len(sources), SOURCES):
        total += _dependencies(adjacency, sources[first : first + SOURCES]).sum(axis=0)
    return total * (size / len(sources)) / 2  # each pair is met from both its ends


def _dependencies(adjacency: Matrix, sources: NDArray[np.int64]) -> Floats:
    """What each source (a row) depends on each node: the accumulation of Brandes (2001)."""
    levels = list(_levels(adjacency, sources))
    found = np.zeros((len(sources), adjacency.shape[0]))
    for (level, _), (deeper, scale) in zip(levels[-2::-1], levels[:0:-1], strict=True):
        shares = deeper.copy()
        rows = _rows(deeper)
        shares.data = (1 + found[rows, deeper.indices]) / (deeper.data * scale[rows])
        back = shares @ adjacency
        rows = _rows(level)
        at = np.zeros_like(found)
        at[_rows(back), back.indices] = back.data
        found[rows, level.indices] = level.data * at[rows, level.indices]
    found[np.arange(len(sources)), sources] = 0
    return found


def _levels(adjacency: Matrix, sources: NDArray[np.int64]) -> Iterator[tuple[Matrix, Floats]]:
    """Breadth first: the numbers of shortest paths to the nodes of each distance.

    They are divided by the greatest of their row, and come with that divisor, since they may grow
    beyond what a float holds: only their ratios count.
    """
    count = len(sources)
    shape = (count, adjacency.shape[0])
    paths = csr_array((np.ones(count), (np.arange(count), sources)), shape=shape)
    seen = np.zeros(shape, dtype=bool)
    scale = np.ones(count)
    while paths.nnz:
        yield paths, scale
        seen[_rows(paths), paths.indices] = True
        grown = csr_array(paths @ adjacency)
        rows = _rows(grown)
        new = ~seen[rows, grown.indices]
        rows, columns, values = rows[new], grown.indices[new], grown.data[new]
        scale = np.ones(count)
        np.maximum.at(scale, rows, values)
        least = np.finfo(float).tiny
        paths = csr_array((np.maximum(values / scale[rows], least), (rows, columns)), shape=shape)


def _rows(matrix: Matrix) -> NDArray[np.int64]:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _eigenvector(adjacency: Matrix) -> Floats:
    """From equal parts, what lies in the space of the greatest eigenvalue: one vector, always.

    It is simple in each connected component (Perron), and several of them may share it.
    """
    found = np.zeros(adjacency.shape[0])
    greatest = 0.0
    for part in _components(adjacency):
        inner = csr_array(adjacency[part][:, part])
        if degrees(inner, 1).max() < greatest:
            continue  # the eigenvalue is not above the greatest degree
        value, vector = _perron(inner)
        if value > greatest * (1 + 1e-9):
            greatest = value
            found[:] = 0
        if value >= greatest * (1 - 1e-9):
            found[part] = vector * vector.sum()
    return found / np.linalg.norm(found)


def _components(adjacency: Matrix) -> list[NDArray[np.int64]]:
    count, of = connected_components(adjacency, directed=False)
    order = np.argsort(of, kind="stable")
    return np.split(order, np.cumsum(np.bincount(of, minlength=count))[:-1])


def _perron(adjacency: Matrix) -> tuple[float, Floats]:
    """The greatest eigenvalue of a connected graph, and its vector, of length 1."""
    size = adjacency.shape[0]
    if size <= DENSE:
        values, vectors = np.linalg.eigh(adjacency.toarray())
        return float(values[-1]), np.abs(vectors[:, -1])
    try:
        values, vectors = eigsh(adjacency, k=1, which="LA", v0=np.ones(size), tol=1e-10)
    except ArpackError as error:
        raise AnalysisError(
            f"the eigenvector of a connected part of {size:,} nodes does not converge ({error}); "
            "use pagerank"
        ) from error
    return float(values[0]), np.abs(vectors[:, 0])


def _pagerank(adjacency: Matrix, damping: float) -> Floats:
    size = adjacency.shape[0]
    out = degrees(adjacency, 1)
    share = np.divide(1.0, out, out=np.zeros(size), where=out > 0)
    rank = np.full(size, 1 / size)
    while True:
        lost = rank[out == 0].sum()
        after = damping * (adjacency @ (rank * share) + lost / size) + (1 - damping) / size
        if np.abs(after - rank).sum() < 1e-12 * max(1.0, size * 1e-3):
            return after / after.sum()
        rank = after
