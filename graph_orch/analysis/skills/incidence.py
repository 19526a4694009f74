"""Who has which skill, as a sparse matrix: what the analysis of skills computes on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from numbers import Integral, Real
from typing import Any, TypeAlias, TypeGuard, cast

import networkx as nx
import numpy as np
from scipy.sparse import coo_array, csr_array

from graph_orch.analysis.labels import is_labelled
from graph_orch.domain.checks import RATIO
from graph_orch.errors import AnalysisError, ValidationError

Matrix: TypeAlias = "csr_array[np.float64, tuple[int, int]]"
Sides: TypeAlias = tuple[set[Hashable], set[Hashable]]


@dataclass(frozen=True, slots=True, eq=False)
class AgentSkills:
    """Agents and skills in the order of their names, and which agent has which skill.

    `matrix` has a row for each agent and a column for each skill, and 1 where the agent has it.
    Every function that takes a graph of agents and skills takes this too, and is then spared from
    reading the graph again. `graph` is the one it was read from.
    """

    agents: tuple[Hashable, ...]
    skills: tuple[Hashable, ...]
    matrix: Matrix
    graph: nx.Graph[Any]

    def attributes(self, node: Hashable) -> Mapping[str, Any]:
        """What the graph says of a node."""
        return self.graph.nodes[node]


def agent_skills(
    graph: nx.Graph[Any] | AgentSkills,
    *,
    agents: Iterable[Hashable] | None = None,
    skills: Iterable[Hashable] | None = None,
    min_confidence: float = 0.0,
) -> AgentSkills:
    """Read who has which skill from a graph, directed or not, with other nodes in it or not.

    Agents and skills are told apart by `agents` and `skills` where they are given (one of them:
    the other is all the rest), else by the nodes' `label`, else by their `bipartite` (0: agents).
    With `label`, edges of another `type` than HAS_SKILL do not count. `min_confidence` leaves out
    edges whose `confidence` is lower; an edge without one is certain. Where something is asked for
    of an `AgentSkills`, its graph is read again.

    Raises:
        ValidationError: this is no graph, or a node that is named is not in it.
        AnalysisError: agents and skills cannot be told apart, or an edge joins two of one side.
    """
    if isinstance(graph, AgentSkills):
        if agents is None and skills is None and not min_confidence:
            return graph
        graph = graph.graph
    least = RATIO.of("min_confidence", min_confidence) or 0.0
    sides = _sides(checked_graph(graph), agents, skills)
    rows, columns = (tuple(sorted(side, key=by_name)) for side in sides)
    pairs = _pairs(graph, sides, labelled=agents is None and skills is None and _labelled(graph))
    kept = (pair for pair, edge in pairs if _confidence(pair, edge, least))
    return AgentSkills(rows, columns, _matrix(rows, columns, kept), graph)


def checked_graph(graph: object) -> nx.Graph[Any]:
    """`graph`, if it is one.

    Raises:
        ValidationError: it is not.
    """
    if not isinstance(graph, nx.Graph):
        raise ValidationError(f"graph: a NetworkX graph is needed, not {type(graph).__name__}")
    return cast("nx.Graph[Any]", graph)


def by_name(node: Hashable) -> tuple[str, str]:
    """The order of nodes that decides ties: 1 and "1" are different nodes with one name."""
    return str(node), type(node).__name__


def number(attributes: Mapping[str, Any], name: str, of: Hashable) -> float | None:
    """A finite number that a node has as an attribute; None where it has none.

    Raises:
        AnalysisError: it is something else.
    """
    value = attributes.get(name)
    if value is None:
        return None
    if value is True or value is False or not isinstance(value, Real):
        raise AnalysisError(f"{name} of {of!r:.100} is {value!r:.100}, which is not a number")
    if not isfinite(value):
        raise AnalysisError(f"{name} of {of!r:.100} is {value!r:.100}; a finite number is needed")
    return float(value)


def positive(name: str, value: object) -> int:
    """`value`, if it is a whole number of at least 1.

    Raises:
        ValidationError: it is not.
    """
    if not _is_whole(value) or value < 1:
        raise ValidationError(f"{name}: {value!r:.100} is not a whole number of at least 1")
    return int(value)


def _sides(
    graph: nx.Graph[Any], agents: Iterable[Hashable] | None, skills: Iterable[Hashable] | None
) -> Sides:
    if agents is None and skills is None:
        return _labelled_sides(graph) if _labelled(graph) else _bipartite_sides(graph)
    first = None if agents is None else _known(graph, "agents", agents)
    second = None if skills is None else _known(graph, "skills", skills)
    nodes = set[Hashable](graph)
    first = nodes - (second or set()) if first is None else first
    second = nodes - first if second is None else second
    if both := sorted(first & second, key=by_name):
        raise ValidationError(f"{both[0]!r:.100} is named as an agent and as a skill")
    return first, second


def _known(graph: nx.Graph[Any], what: str, given: Iterable[Hashable]) -> set[Hashable]:
    nodes = named(what, given)
    if unknown := sorted((node for node in nodes if node not in graph), key=by_name):
        raise ValidationError(f"{what}: {unknown[0]!r:.100} is not a node of the graph")
    return nodes


def named(what: str, given: object) -> set[Hashable]:
    """The nodes that a caller names.

    Raises:
        ValidationError: this is no list of nodes.
    """
    try:
        if not isinstance(given, str | bytes):
            return set(cast(Iterable[Hashable], given))
    except TypeError:
        pass
    raise ValidationError(f"{what}: {repr(given)[:100]} is no list of nodes; give one")


def _labelled(graph: nx.Graph[Any]) -> bool:
    return any(is_labelled(data, "Agent", "Skill") for _, data in graph.nodes(data=True))


def _labelled_sides(graph: nx.Graph[Any]) -> Sides:
    rows = list(graph.nodes(data=True))
    agents = {node for node, data in rows if is_labelled(data, "Agent")}
    return agents, {node for node, data in rows if is_labelled(data, "Skill")}


def _bipartite_sides(graph: nx.Graph[Any]) -> Sides:
    sides: Sides = set(), set()
    for node, data in graph.nodes(data=True):
        side = data.get("bipartite")
        if not isinstance(side, Integral) or side not in (0, 1):
            raise AnalysisError(
                f"{node!r:.100} has neither the label Agent or Skill nor bipartite 0 or 1, so "
                "agents and skills cannot be told apart; name them with agents= or skills="
            )
        sides[int(side)].add(node)
    return sides


def _pairs(
    graph: nx.Graph[Any], sides: Sides, *, labelled: bool
) -> Iterator[tuple[tuple[Hashable, Hashable], Mapping[str, Any]]]:
    """The edges from agents to skills, whichever way they go, with their attributes."""
    agents, skills = sides
    for one, other, edge in graph.edges(data=True):
        if labelled and str(edge.get("type", "HAS_SKILL")) != "HAS_SKILL":
            continue
        if one in agents and other in skills:
            yield (one, other), edge
        elif one in skills and other in agents:
            yield (other, one), edge
        elif _same_side(one, other, sides):
            raise AnalysisError(
                f"the edge {one!r:.100} - {other!r:.100} joins two of one side, so this is no "
                "graph of agents and their skills; leave it out, or name the sides with agents= "
                "and skills="
            )


def _same_side(one: Hashable, other: Hashable, sides: Sides) -> bool:
    return any(one in side and other in side for side in sides)


def _confidence(pair: tuple[Hashable, Hashable], edge: Mapping[str, Any], least: float) -> bool:
    found = number(edge, "confidence", pair) if least else None
    return found is None or found >= least


def _matrix(
    rows: tuple[Hashable, ...],
    columns: tuple[Hashable, ...],
    pairs: Iterable[tuple[Hashable, Hashable]],
) -> Matrix:
    row_of = {node: i for i, node in enumerate(rows)}
    column_of = {node: i for i, node in enumerate(columns)}
    found = [(row_of[agent], column_of[skill]) for agent, skill in pairs]
    at = np.array(found, dtype=np.int64).reshape(-1, 2).T
    shape = (len(rows), len(columns))
    matrix = csr_array(coo_array((np.ones(at.shape[1]), (at[0], at[1])), shape=shape))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0  # parallel edges say the same once
    return matrix


def one_of(name: str, value: object, known: Iterable[str]) -> None:
    """See that `value` is one of the known words.

    Raises:
        ValidationError: it is not.
    """
    if not isinstance(value, str) or value not in known:
        raise ValidationError(f"{name}: {repr(value)[:100]} is not one of {', '.join(known)}")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and value is not True  # False is 0, and too small
