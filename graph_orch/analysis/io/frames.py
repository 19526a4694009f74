"""Snapshots as tables: a pandas DataFrame for each kind of node and of edge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeAlias, cast, get_args

import networkx as nx
import pandas as pd

from graph_orch.domain.models import Agent, Model, Skill, Task, TaskTry
from graph_orch.errors import ValidationError

Series: TypeAlias = "pd.Series[Any]"
Row = tuple[tuple[Any, ...], Mapping[Any, Any]]
"""Where it is (a node, or the ends of an edge), and its attributes."""

_NODES_OF = {
    "agents-skills": ("Agent", "Skill"),
    "tasks": ("Task",),
    "all": ("Task", "Skill", "Agent", "Team"),
}
_EDGES_OF = {
    "agents-skills": ("HAS_SKILL",),
    "tasks": ("DEPENDS_ON",),
    "all": ("DEPENDS_ON", "REQUIRES", "ASSIGNED_TO", "HAS_SKILL", "MEMBER_OF"),
}


def to_frames(graph: nx.Graph[Any]) -> dict[str, pd.DataFrame]:
    """The nodes of a graph by their label and its edges by their type, each as a table.

    A table of nodes begins with the column `node`, one of edges with `source` and `target`, and in
    a multigraph `key`; the other columns are the attributes, one of these names with "_" after it.
    For a snapshot all tables of its kind are there, with all columns of the models, empty or not.
    Nodes without a label are under "Node", edges without a type under "Edge"; a type that is also
    a label has " edges" after it.

    Times are `datetime64[us, UTC]`, whole numbers int64 (Int64 where some are missing), yes and no
    bool (or boolean), statuses and priorities categories, lists and what is nested objects.

    Raises:
        ValidationError: `graph` is no NetworkX graph.
    """
    if not isinstance(graph, nx.Graph):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"to_frames: graph: a {type(graph).__name__} is no NetworkX graph")
    kind = str(graph.graph.get("kind"))
    nodes = _by_name(_nodes(graph), "label", "Node", _NODES_OF.get(kind, ()))
    edges = _by_name(_edges(graph), "type", "Edge", _EDGES_OF.get(kind, ()))
    ends = ("source", "target", "key") if graph.is_multigraph() else ("source", "target")
    found = {name: _frame(rows, ("node",), "label", name) for name, rows in nodes.items()}
    for name, rows in edges.items():
        title = f"{name} edges" if name in found else name
        found[title] = _frame(rows, ends, "type", name)
    return found


def _nodes(graph: nx.Graph[Any]) -> Iterator[Row]:
    for node, data in graph.nodes(data=True):
        yield (node,), data


def _edges(graph: nx.Graph[Any]) -> Iterator[Row]:
    if graph.is_multigraph():
        for start, end, key, data in cast(Any, graph).edges(keys=True, data=True):
            yield (start, end, key), data
    else:
        for start, end, data in graph.edges(data=True):
            yield (start, end), data


def _by_name(
    rows: Iterable[Row], attribute: str, otherwise: str, always: Iterable[str]
) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {name: [] for name in always}
    for row in rows:
        found.setdefault(str(row[1].get(attribute, otherwise)), []).append(row)
    return found


def _frame(rows: list[Row], places: tuple[str, ...], named: str, table: str) -> pd.DataFrame:
    columns: dict[Any, Series] = {
        place: _column([where[at] for where, _ in rows], str) for at, place in enumerate(places)
    }
    declared = _DECLARED.get(table, {})
    met = dict.fromkeys(name for _, data in rows for name in data)
    for name in dict.fromkeys([*declared, *met]):
        if name != named:
            title = f"{name}_" if name in places else name
            columns[title] = _column([data.get(name) for _, data in rows], declared.get(name))
    return pd.DataFrame(columns)


def _column(values: list[Any], declared: type | None) -> Series:
    """Values, of which some may be None, as what they are declared to be, where they are that."""
    kind = _kind(values, declared)
    if kind is not None and issubclass(kind, Enum):
        return pd.Series(pd.Categorical(values, categories=[str(item.value) for item in kind]))
    gaps = any(value is None for value in values)
    dtype: Any = _DTYPES[kind][gaps] if kind in _DTYPES else "object"
    return pd.Series(values, dtype=dtype)


def _kind(values: list[Any], declared: type | None) -> type | None:
    """The type of all values; None where there are several, or pandas has nothing for it."""
    there = [value for value in values if value is not None]
    if declared is not None and (not there or _is_one_of(there, declared)):
        return declared
    met: set[type] = {type(value) for value in there}
    if float in {declared, *met} and met <= {int, float}:
        met = {float}
    kind = met.pop() if len(met) == 1 else object
    return kind if kind in _DTYPES and all(_fits(kind, value) for value in there) else None


def _is_one_of(values: list[Any], declared: type) -> bool:
    """Whether it is an enumeration that is declared, and these are values of it."""
    if not issubclass(declared, Enum):
        return False
    known: list[Any] = [item.value for item in declared]
    return all(value in known for value in values)


def _fits(kind: type, value: Any) -> bool:
    """Whether the dtype for a type can hold a value of it."""
    if kind is datetime:
        return value.tzinfo is not None
    if kind is float and type(value) is int:
        return abs(value) <= 2**53
    return kind is not int or -(2**63) <= value < 2**63


_DTYPES: dict[type | None, tuple[str, str]] = {
    str: ("str", "str"),
    bool: ("bool", "boolean"),
    int: ("int64", "Int64"),
    float: ("float64", "float64"),
    datetime: ("datetime64[us, UTC]", "datetime64[us, UTC]"),
}
"""What pandas has for a type: without and with gaps."""


def _declared(*models: type[Model], without: frozenset[str] = frozenset()) -> dict[str, type]:
    """The types of the fields of models; object where a field may have several."""
    return {
        name: _plain_type(field.annotation)
        for model in models
        for name, field in model.model_fields.items()
        if name not in without
    }


def _plain_type(annotation: Any) -> type:
    kinds: set[Any] = (
        set(get_args(annotation)) if isinstance(annotation, UnionType) else {annotation}
    )
    kinds -= {NoneType}
    kind = kinds.pop() if len(kinds) == 1 else object
    return kind if isinstance(kind, type) else object


_DECLARED: dict[str, dict[str, type]] = {
    "Agent": _declared(Agent) | {"bipartite": int},
    "Skill": _declared(Skill) | {"bipartite": int},
    "Task": _declared(Task) | {"tries": object},
    "Team": {"team_id": str, "name": str, "run_id": str, "algorithm": str, "modularity": float}
    | {"size": int, "created_at": datetime},
    "HAS_SKILL": {"confidence": float, "learned_at": datetime},
    "DEPENDS_ON": {},
    "REQUIRES": {},
    "ASSIGNED_TO": _declared(TaskTry, without=frozenset({"agent_id", "traceback"}))
    | {"cost": float},
    "MEMBER_OF": {},
}
