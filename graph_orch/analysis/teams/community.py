"""Communities: groups of nodes with more between them than chance would put there."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Iterable, Sequence
from importlib import import_module
from typing import Any

import networkx as nx

from graph_orch.analysis.checks import text
from graph_orch.analysis.model import AgentSkills, Given, graph_of
from graph_orch.analysis.nodes import by_name, is_kind
from graph_orch.analysis.teams.projection import shared_skills
from graph_orch.domain.models.teams import ALGORITHM, RESOLUTION, SEED, Algorithm, Communities
from graph_orch.errors import AnalysisError, ValidationError

ITERATIONS = 3
"""How many rounds Leiden makes, each from where the one before ended."""
TRIALS = 10
HEAVIEST = 1e100
SMALL = 10_000
"""In a graph with no more edges, the best of ten results is taken: both go by chance."""


def communities(
    graph: Given,
    *,
    algorithm: Algorithm | str = Algorithm.LOUVAIN,
    resolution: float = 1.0,
    weight: str | None = "weight",
    seed: int = 0,
) -> Communities:
    """Find the communities of a graph by modularity.

    In a snapshot of agents and skills they are communities of agents, found in
    `shared_skills(graph)`. In any other graph they are of its nodes. A node without edges is a
    community of its own. The same graph and seed give the same result, in whatever order its nodes
    and edges came.

    Modularity is `networkx.community.modularity(graph, members, weight, resolution)`, of
    `shared_skills(graph)` for a snapshot; 0.0 in a graph without edges.

    Louvain: Blondel et al., J. Stat. Mech. P10008 (2008), by NetworkX. Leiden: Traag, Waltman and
    van Eck, Sci. Rep. 9, 5233 (2019), by graspologic-native (MIT), for undirected graphs: its
    communities are connected inside, and it is the faster one. In a graph of up to 10,000 edges
    the best of ten results is taken.

    Args:
        graph: Directed only for Louvain; parallel edges count together.
        resolution: More than 1 favours small communities, less than 1 large ones.
        weight: The edges' attribute that says what they weigh, at least 0, 1 where it is missing;
            None: all weigh the same.
        seed: Of what is done by chance.

    Raises:
        ValidationError: an argument, or an edge's weight, is not acceptable.
        AnalysisError: Leiden and a directed graph, or the extra `analysis` is not installed.
    """
    how = ALGORITHM.of("algorithm", algorithm)
    gamma, chance = RESOLUTION.of("resolution", resolution), SEED.of("seed", seed)
    if weight is not None:
        text("weight", weight)
    subject = _subject(graph, weight)
    nodes = sorted(subject, key=by_name)  # not by how the graph was built
    plain = _plain(subject, nodes, weight)
    groups = [[nodes[i] for i in group] for group in _groups(plain, how, gamma, chance)]
    modularity = _modularity(subject, groups, weight, gamma) if plain.size("weight") else 0.0
    return Communities.of(groups, modularity, how, gamma, chance)


def _subject(given: Given, weight: str | None) -> nx.Graph[Any]:
    graph = graph_of(given)
    if not isinstance(given, AgentSkills) and not is_kind(graph, "agents-skills", "all"):
        return graph
    if weight not in ("weight", None):
        raise ValidationError(
            f"weight: {weight!r} is not what agents are joined by: in a snapshot that is what the "
            "skills they share weigh ('weight'), or whether they share any (None)"
        )
    return shared_skills(given)


def _plain(graph: nx.Graph[Any], nodes: Sequence[Any], weight: str | None) -> nx.Graph[Any]:
    """The graph with numbers for nodes, and one weighted edge for parallel ones."""
    place = {node: i for i, node in enumerate(nodes)}
    weights: dict[tuple[int, int], float] = {}
    for one, other, data in graph.edges(data=True):
        i, j = place[one], place[other]
        pair = (i, j) if graph.is_directed() or i <= j else (j, i)
        weights[pair] = weights.get(pair, 0.0) + _weight(one, other, data, weight)
    _check_total(sum(weights.values()))
    plain: nx.Graph[Any] = nx.DiGraph() if graph.is_directed() else nx.Graph()
    plain.add_nodes_from(range(len(nodes)))
    plain.add_weighted_edges_from((i, j, weights[i, j]) for i, j in sorted(weights))
    return plain


def _check_total(total: float) -> None:
    """Modularity divides by the square of what all weigh, which a float must hold."""
    if total and not 1 / HEAVIEST <= total <= HEAVIEST:
        raise ValidationError(
            f"weight: all edges together weigh {total:g}, which is not from {1 / HEAVIEST:g} to "
            f"{HEAVIEST:g}; scale the weights: communities depend on their ratios only"
        )


def _weight(one: object, other: object, data: dict[str, Any], name: str | None) -> float:
    value = 1 if name is None else data.get(name, 1)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf or isinstance(value, str):
        raise ValidationError(
            f"weight: the edge from {one!r:.100} to {other!r:.100} has {name} {value!r:.100}, "
            "and a weight is a number of at least 0; name another attribute, or None to weigh all "
            "edges the same"
        )
    return number


def _groups(
    plain: nx.Graph[Any], algorithm: Algorithm, resolution: float, seed: int
) -> Iterable[Iterable[int]]:
    if not plain.size("weight"):
        return [[i] for i in plain]
    if algorithm is Algorithm.LEIDEN:
        return _leiden(plain, resolution, seed)
    return _louvain(plain, resolution, seed)


def _trials(plain: nx.Graph[Any]) -> int:
    return TRIALS if plain.number_of_edges() <= SMALL else 1


def _louvain(plain: nx.Graph[Any], resolution: float, seed: int) -> list[set[int]]:
    chance: Any = random.Random(seed)
    found: list[list[set[int]]] = [
        nx.community.louvain_communities(plain, weight="weight", resolution=resolution, seed=chance)
        for _ in range(_trials(plain))
    ]
    if len(found) == 1:
        return found[0]
    return max(found, key=lambda groups: _modularity(plain, groups, "weight", resolution))


def _leiden(plain: nx.Graph[Any], resolution: float, seed: int) -> Iterable[Iterable[int]]:
    if plain.is_directed():
        raise AnalysisError(
            "Leiden finds communities in undirected graphs only, and this one is directed; "
            "use algorithm='louvain', or graph.to_undirected()"
        )
    weighted: Iterable[tuple[int, int, float]] = plain.edges(data="weight")
    edges = [(str(i), str(j), w) for i, j, w in weighted if w > 0]
    _, community = _native().leiden(
        edges, resolution=resolution, seed=seed, iterations=ITERATIONS, trials=_trials(plain)
    )
    groups: dict[Hashable, list[int]] = {}
    for i in plain:
        groups.setdefault(community.get(str(i), f"alone {i}"), []).append(i)
    return groups.values()


def _native() -> Any:
    try:
        return import_module("graspologic_native")
    except ImportError as error:
        raise AnalysisError(
            "Leiden needs graspologic-native, which NetworkX has no stand-in for: "
            "pip install 'graph-orch[analysis]', or use algorithm='louvain'"
        ) from error


def _modularity(
    graph: nx.Graph[Any], groups: Iterable[Iterable[Any]], weight: str | None, resolution: float
) -> float:
    sets = [set(group) for group in groups]
    return float(nx.community.modularity(graph, sets, weight=weight, resolution=resolution))
