"""Who shares skills with whom: the graph of agents alone, in which communities are found."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from importlib import import_module
from typing import Any

import networkx as nx

from graph_orch.analysis.labels import is_labelled
from graph_orch.analysis.skills.incidence import by_name, checked_graph, named
from graph_orch.domain.checks import Check
from graph_orch.domain.models.teams import HOLDERS, NEIGHBOURS, UNIT
from graph_orch.domain.values import Limit
from graph_orch.errors import AnalysisError, ValidationError

BLOCK = 512
"""Rows of the matrix of all pairs that are in memory at once."""
LIMIT: Check[int] = Check(Limit)


def shared_skills(
    graph: nx.Graph[Any],
    *,
    agents: Iterable[Hashable] | None = None,
    neighbours: int = NEIGHBOURS,
) -> nx.Graph[Any]:
    """The agents of a graph of agents and skills, joined where they share skills.

    Two agents are joined by the `weight` of the skills that they share, each being worth
    1 / (holders - 1): Newman's weighting of collaborations, Phys. Rev. E 64, 016132 (2001), eq. 2.
    A rare skill joins its holders more than one that everybody has, and an agent's weights sum to
    the number of its skills that others have too.

    So that 10,000 agents do not become 50,000,000 pairs, two things are left out. An agent keeps
    the `neighbours` it shares most with (ties: the lower `str(node)`), and whoever keeps it. A
    skill of more than 200 agents joins each to the first 200 only, for what a pair of them has in
    common weighs less than 1/200. With fewer agents than that nothing is left out, and the graph is
    that of `networkx.bipartite.collaboration_weighted_projected_graph`.

    Args:
        graph: A snapshot ("agents-skills" or "all"), or any graph that has agents on one side.
        agents: The nodes on that side; by default those with the label "Agent", joined by their
            edges with nodes of the label "Skill".
        neighbours: 1 to 10,000.

    Raises:
        ValidationError: an argument is not acceptable.
        AnalysisError: the extra `analysis` is not installed.
    """
    limit = LIMIT.of("neighbours", neighbours)
    chosen = _agents(checked_graph(graph), agents)
    found: nx.Graph[Any] = nx.Graph()
    found.add_nodes_from((node, graph.nodes[node]) for node in chosen)
    for (i, j), units in sorted(_pairs(_holders(graph, chosen, agents is None), limit).items()):
        found.add_edge(chosen[i], chosen[j], weight=units / UNIT)
    return found


def _agents(graph: nx.Graph[Any], given: Iterable[Hashable] | None) -> list[Any]:
    if given is None:
        nodes: Iterable[tuple[Any, dict[str, Any]]] = graph.nodes(data=True)
        return sorted((node for node, data in nodes if is_labelled(data, "Agent")), key=by_name)
    chosen = sorted(named("agents", given), key=by_name)
    if unknown := [node for node in chosen if node not in graph]:
        raise ValidationError(f"agents: {unknown[0]!r:.100} is not a node of the graph")
    return chosen


def _holders(graph: nx.Graph[Any], agents: list[Any], labelled: bool) -> list[list[int]]:
    """For each skill the places of the agents that have it, ascending."""
    place = {node: i for i, node in enumerate(agents)}
    holders: dict[Any, set[int]] = {}
    for one, other in graph.edges():
        for agent, skill in ((one, other), (other, one)):
            if agent not in place or skill in place:
                continue
            if not labelled or is_labelled(graph.nodes[skill], "Skill"):
                holders.setdefault(skill, set()).add(place[agent])
    return [sorted(places) for places in holders.values() if len(places) > 1]


def _pairs(holders: list[list[int]], limit: int) -> dict[tuple[int, int], int]:
    """The pairs of agents that are joined, the lower first, with what they share in units."""
    if not holders:
        return {}
    numpy, sparse = _library("numpy"), _library("scipy.sparse")
    left, right = _factors(holders, numpy, sparse)
    pairs: dict[tuple[int, int], int] = {}
    for start in range(0, left.shape[0], BLOCK):
        block = (left[start : start + BLOCK] @ right).tocsr()
        for row, (begin, end) in enumerate(zip(block.indptr, block.indptr[1:], strict=False)):
            agent = start + row
            others, units = block.indices[begin:end], block.data[begin:end]
            real = (others != agent) & (units > 0)
            others, units = others[real], units[real]
            best = numpy.lexsort((others, -units))[:limit]
            for other, shared in zip(others[best].tolist(), units[best].tolist(), strict=True):
                pairs[min(agent, other), max(agent, other)] = shared
    return pairs


def _factors(holders: list[list[int]], numpy: Any, sparse: Any) -> tuple[Any, Any]:
    """Two matrices whose product says what each two agents share.

    A skill of too many agents counts for the pairs that hold one of the first: those of a first
    with any, of any with a first, less those of two firsts, which are in both.
    """
    agents = 1 + max(places[-1] for places in holders)
    units = numpy.array([UNIT // (len(places) - 1) for places in holders], dtype=numpy.int64)

    def incidence(places_of: list[list[int]]) -> Any:
        rows = [place for places in places_of for place in places]
        columns = [k for k, places in enumerate(places_of) for _ in places]
        ones = numpy.ones(len(rows), dtype=numpy.int64)
        return sparse.csr_matrix((ones, (rows, columns)), shape=(agents, len(places_of)))

    rare = incidence([places if len(places) <= HOLDERS else [] for places in holders])
    wide = incidence([places if len(places) > HOLDERS else [] for places in holders])
    first = incidence([places[:HOLDERS] if len(places) > HOLDERS else [] for places in holders])
    worth = sparse.diags(units, dtype=numpy.int64)
    left = sparse.hstack([rare @ worth, wide @ worth, first @ worth, -first @ worth], "csr")
    return left, sparse.hstack([rare, first, wide, first], "csr").T.tocsr()


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise AnalysisError(
            f"this needs {name.partition('.')[0]}: pip install 'graph-orch[analysis]'"
        ) from error
