"""Who shares skills with whom: the graph of agents alone, in which communities are found."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx

from graph_orch.analysis.checks import whole
from graph_orch.analysis.model import AgentSkills, Given
from graph_orch.domain.fields import MAX_BATCH
from graph_orch.domain.models.teams import HOLDERS, NEIGHBOURS, UNIT

BLOCK = 512
"""Rows of the matrix of all pairs that are in memory at once."""


def shared_skills(graph: Given, *, neighbours: int = NEIGHBOURS) -> nx.Graph[Any]:
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
        neighbours: 1 to 10,000.

    Raises:
        ValidationError: an argument is not acceptable.
        AnalysisError: the extra `analysis` is not installed; or see `AgentSkills`.
    """
    limit = whole("neighbours", neighbours, 1, MAX_BATCH)
    view = AgentSkills.of(graph)
    found: nx.Graph[Any] = nx.Graph()
    found.add_nodes_from((agent, view.attributes(agent)) for agent in view.agents)
    for (i, j), units in sorted(_pairs(view, limit).items()):
        found.add_edge(view.agents[i], view.agents[j], weight=units / UNIT)
    return found


def _pairs(view: AgentSkills, limit: int) -> dict[tuple[int, int], int]:
    """The pairs of agents that are joined, the lower first, with what they share in units."""
    import numpy as np

    left, right = _factors(view)
    pairs: dict[tuple[int, int], int] = {}
    for start in range(0, left.shape[0], BLOCK):
        block = (left[start : start + BLOCK] @ right).tocsr()
        for row, (begin, end) in enumerate(zip(block.indptr, block.indptr[1:], strict=False)):
            agent = start + row
            others, units = block.indices[begin:end], block.data[begin:end]
            real = (others != agent) & (units > 0)
            others, units = others[real], units[real]
            best = np.lexsort((others, -units))[:limit]
            for other, shared in zip(others[best].tolist(), units[best].tolist(), strict=True):
                pairs[min(agent, other), max(agent, other)] = shared
    return pairs


def _factors(view: AgentSkills) -> tuple[Any, Any]:
    """Two matrices of whole numbers, whose product says what each two agents share.

    A skill of too many agents counts for the pairs that hold one of the first: those of a first
    with any, of any with a first, less those of two firsts, which are in both.
    """
    import numpy as np
    from scipy import sparse

    held: Any = view.matrix.tocsc().astype(np.int64)
    held.sort_indices()
    held = held[:, np.diff(held.indptr) > 1]
    holders = np.diff(held.indptr).astype(np.int64)
    wide = held[:, holders > HOLDERS]
    firsts: Any = wide.copy()
    for begin, end in pairwise(firsts.indptr.tolist()):
        firsts.data[begin + HOLDERS : end] = 0
    firsts.eliminate_zeros()
    rare = held[:, holders <= HOLDERS]

    def worth(part: Any, columns: Any) -> Any:
        units = part.copy()
        units.data *= np.repeat(UNIT // (holders[columns] - 1), np.diff(part.indptr))
        return units

    many = worth(firsts, holders > HOLDERS)
    left = [worth(rare, holders <= HOLDERS), worth(wide, holders > HOLDERS), many, -many]
    right = [rare, firsts, wide, firsts]
    return sparse.hstack(left, "csr"), sparse.hstack(right, "csr").T.tocsr()
