"""Analysis of agents and skills, beside one pass over the edges, a bare product, or NetworkX."""

# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false
# networkx types some of its functions by halves.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import networkx as nx
from scipy.sparse import csr_array

from benchmarks.analysis.material import Material
from benchmarks.analysis.weighing import Case
from graph_orch import analysis
from graph_orch.analysis.skills.centralities import Measure
from graph_orch.analysis.skills.similarity import BLOCK
from graph_orch.analysis.teams.community import ITERATIONS

SAMPLES, SOME = 256, 4
"""Sources of betweenness: ours by default, and as many as NetworkX is given the time for."""
PASS = "one pass over the edges"
PRODUCT = "the sparse product alone"


def skills(material: Material) -> Iterator[Case]:
    """Coverage, the bus factor, who is like whom."""
    graph = material.agents
    held = analysis.AgentSkills.of(graph).matrix

    def one_pass() -> object:
        return Counter(skill for _, skill, _ in graph.edges(data=True))

    def product() -> object:
        return _product(held)

    half = "bus_factor, half of the skills"
    yield Case("AgentSkills", lambda: analysis.AgentSkills.of(graph), PASS, one_pass)
    yield Case("coverage", lambda: analysis.skills.coverage(graph), PASS, one_pass)
    yield Case("bus_factor, one skill", lambda: analysis.skills.bus_factor(graph), PASS, one_pass)
    yield Case(half, lambda: analysis.skills.bus_factor(graph, share=0.5), PASS, one_pass)
    yield Case("redundancy", lambda: analysis.skills.redundancy(graph), PRODUCT, product)
    yield Case("nearest, 10 each", lambda: analysis.skills.nearest(graph, 10), PRODUCT, product)
    ten = "project, the 10 strongest edges of each"
    yield Case(ten, lambda: analysis.skills.project(graph, strongest=10), PRODUCT, product)


def _product(held: Any) -> None:
    """What each two agents share, a block of rows at a time, and nothing made of it."""
    step, others = max(1, BLOCK // max(1, held.shape[0])), csr_array(held.T)
    for first in range(0, held.shape[0], step):
        _ = held[first : first + step] @ others


def centralities(material: Material) -> Iterator[Case]:
    """Centrality of agents and skills, beside NetworkX on the undirected graph."""
    graph = material.agents
    plain: nx.Graph[Any] = nx.Graph(graph)
    small = len(plain) <= SAMPLES
    parts = 1 if small else SAMPLES // SOME
    some = "" if small else f", from {SOME} sources, × {parts}"

    def between() -> object:
        return nx.betweenness_centrality(plain, k=None if small else SOME, seed=0)

    yield _centrality(graph, "degree", "NetworkX", lambda: nx.degree_centrality(plain))
    yield _centrality(graph, "betweenness", f"NetworkX{some}", between, parts)
    yield _centrality(
        graph, "eigenvector", "NetworkX", lambda: nx.eigenvector_centrality_numpy(plain)
    )
    yield _centrality(graph, "pagerank", "NetworkX", lambda: nx.pagerank(plain))


def _centrality(
    graph: nx.Graph[Any],
    measure: Measure,
    beside: str,
    floor: Callable[[], object],
    parts: int = 1,
) -> Case:
    def act() -> object:
        return analysis.skills.centrality(graph, measure, samples=SAMPLES)

    return Case(f"centrality, {measure}", act, beside, floor, parts=parts)


def communities(material: Material) -> Iterator[Case]:
    """The projection, and its communities beside the same algorithm alone."""
    graph = material.agents
    held = analysis.AgentSkills.of(graph).matrix
    joined = analysis.teams.shared_skills(graph)
    size = f"{joined.number_of_nodes():,} agents, {joined.number_of_edges():,} edges"
    edges = [(str(a), str(b), float(data["weight"])) for a, b, data in joined.edges(data=True)]
    native: Any = import_module("graspologic_native")
    projection = f"shared_skills, {size}"
    yield Case(
        projection, lambda: analysis.teams.shared_skills(graph), PRODUCT, lambda: _product(held)
    )
    yield Case(
        f"communities, Louvain, {size}",
        lambda: analysis.teams.communities(joined),
        "NetworkX's Louvain",
        lambda: nx.community.louvain_communities(joined, weight="weight", seed=0),
    )
    yield Case(
        f"communities, Leiden, {size}",
        lambda: analysis.teams.communities(joined, algorithm="leiden"),
        "graspologic-native",
        lambda: native.leiden(edges, seed=0, iterations=ITERATIONS),
    )
