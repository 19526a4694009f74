"""Graphs as node-link JSON, as networkx, D3 and others know it, one node or edge on a line.

A name that node-link has for itself (`id` of a node; `source`, `target` and `key` of an edge), and
one that begins with "@", is written with a "@" before it where it is the name of an attribute.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from reprlib import repr
from typing import Any, TextIO, cast

import networkx as nx

from graph_orch.analysis.io.values import dumped, hashable, revived
from graph_orch.analysis.snapshots.building import VERSION
from graph_orch.errors import AnalysisError

FORMAT = "graph-orch snapshot"
_OF_NODES = frozenset({"id"})
_OF_EDGES = frozenset({"source", "target", "key"})


def write_json(graph: nx.Graph[Any], file: TextIO) -> None:
    """Write a graph.

    Raises:
        AnalysisError: an attribute is of a kind that no file can hold.
    """
    directed, multigraph = graph.is_directed(), graph.is_multigraph()
    head = {"format": FORMAT, "version": VERSION, "directed": directed, "multigraph": multigraph}
    file.write(f'{dumped(head)[:-1]},\n"graph":{dumped(dict(graph.graph))},\n"nodes":[')
    _write_lines(file, ({"id": node} | _named(data, _OF_NODES) for node, data in _nodes(graph)))
    file.write('],\n"edges":[')
    _write_lines(file, _edge_lines(graph))
    file.write("]}\n")


def read_json(file: TextIO) -> nx.Graph[Any]:
    """Read a graph that `write_json` wrote.

    Raises:
        AnalysisError: the file holds something else, or comes from a newer version.
    """
    found = json.load(file, object_hook=revived)
    if not isinstance(found, dict) or cast(dict[str, Any], found).get("format") != FORMAT:
        raise AnalysisError("it is JSON, but no snapshot that analysis.save() wrote")
    document = cast(dict[str, Any], found)
    check_version(document.get("version"))
    try:
        return _graph(document)
    except (KeyError, TypeError, AttributeError, nx.NetworkXError) as error:
        why = f"{type(error).__name__} {error!s:.200}"
        raise AnalysisError(f"the snapshot is damaged: {why}") from error


def check_version(version: object) -> None:
    """See that a file is of a version that can be read.

    Raises:
        AnalysisError: it is not.
    """
    if type(version) is not int or version < 1:
        raise AnalysisError(f"the snapshot is damaged: its version is {repr(version)}")
    if version > VERSION:
        raise AnalysisError(
            f"the snapshot has version {repr(version)}, and this graph_orch reads up to {VERSION}; "
            "upgrade graph_orch"
        )


def empty_graph(directed: bool, multigraph: bool) -> nx.Graph[Any]:
    """A graph of one of the four kinds."""
    if multigraph:
        return nx.MultiDiGraph() if directed else nx.MultiGraph()
    return nx.DiGraph() if directed else nx.Graph()


def _write_lines(file: TextIO, items: Iterable[object]) -> None:
    before = "\n"
    for item in items:
        file.write(before + dumped(item))
        before = ",\n"


def _nodes(graph: nx.Graph[Any]) -> Iterator[tuple[Any, dict[Any, Any]]]:
    yield from graph.nodes(data=True)


def _edge_lines(graph: nx.Graph[Any]) -> Iterator[dict[Any, Any]]:
    if graph.is_multigraph():
        for start, end, key, data in cast(Any, graph).edges(keys=True, data=True):
            yield {"source": start, "target": end, "key": key} | _named(data, _OF_EDGES)
    else:
        for start, end, data in graph.edges(data=True):
            yield {"source": start, "target": end} | _named(data, _OF_EDGES)


def _named(data: Mapping[Any, Any], taken: frozenset[str]) -> dict[Any, Any]:
    """Attributes under names that nothing else has."""
    if taken.isdisjoint(data) and not any(str(name).startswith("@") for name in data):
        return dict(data)
    return {_own_name(name, taken): value for name, value in data.items()}


def _own_name(name: Any, taken: frozenset[str]) -> Any:
    own = type(name) is str and (name in taken or name.startswith("@"))
    return f"@{name}" if own else name


def _attributes(item: Mapping[Any, Any], taken: frozenset[str]) -> dict[Any, Any]:
    """The attributes of a line: what `_named` was given."""
    return {
        name[1:] if type(name) is str and name.startswith("@") else name: value
        for name, value in item.items()
        if name not in taken
    }


def _graph(document: dict[str, Any]) -> nx.Graph[Any]:
    graph = empty_graph(document["directed"] is True, document["multigraph"] is True)
    graph.graph.update(document["graph"])
    names: dict[Any, Any] = {}
    for item in document.pop("nodes"):
        name = hashable(item["id"])
        names[name] = name
        graph.add_nodes_from([(name, _attributes(item, _OF_NODES))])
    same: dict[Any, Any] = {}
    graph.add_edges_from(_edges(document.pop("edges"), graph.is_multigraph(), names, same))
    return graph


def _edges(
    items: Iterable[dict[str, Any]], multigraph: bool, names: dict[Any, Any], same: dict[Any, Any]
) -> Iterator[Any]:
    """The edges of a document; names that repeat are kept once."""
    for item in items:
        start, end = names[hashable(item["source"])], names[hashable(item["target"])]
        data = _attributes(item, _OF_EDGES)
        if type(kind := data.get("type")) is str:
            data["type"] = same.setdefault(kind, kind)
        if multigraph:
            key = hashable(item["key"])
            yield start, end, same.setdefault((type(key), key), key), data
        else:
            yield start, end, data
