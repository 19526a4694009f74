"""Graphs as GraphML, as Gephi, yEd and networkx read it.

Each attribute has one type in the whole file. The id of its `key` element ends in what it takes to
get the very values back, see `graphml_kinds`: times are ISO texts, and what GraphML has no type for
is JSON text. A text that XML cannot hold has its characters spelled out as \\uXXXX, and backslashes
doubled, in all of that attribute.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, TextIO, cast
from xml.sax.saxutils import escape, quoteattr

import networkx as nx

from graph_orch.analysis.io.graphml_kinds import (
    EDGE_KEY,
    TYPES,
    WRITERS,
    joined,
    kind_of,
    spelled_out,
)
from graph_orch.analysis.io.json_files import FORMAT
from graph_orch.analysis.snapshots.building import VERSION
from graph_orch.errors import AnalysisError

MARK = "graph_orch_snapshot"
"""The graph's own attribute that says how the file is to be read."""
_OWN = {"graph": MARK, "edge": EDGE_KEY}
"""What we say ourselves; it stands under the name None, which no attribute has."""

_SAFE = {"\r": "&#13;"}
"""A reader of XML takes a carriage return for the end of a line."""
_XMLNS = "http://graphml.graphdrawing.org/xmlns"


def write_graphml(graph: nx.Graph[Any], file: TextIO) -> None:
    """Write a graph.

    Raises:
        AnalysisError: an attribute is of a kind that no file can hold.
    """
    columns = _Columns(graph)
    file.write('<?xml version="1.0" encoding="utf-8"?>\n')
    file.write(f'<graphml xmlns="{_XMLNS}">\n')
    file.writelines(columns.declarations())
    direction = "directed" if graph.is_directed() else "undirected"
    file.write(f'<graph edgedefault="{direction}">\n')
    mark = {"format": FORMAT, "version": VERSION, "multigraph": graph.is_multigraph()}
    mark["ids"] = columns.ids
    file.write(columns.data("graph", {None: mark} | graph.graph) + "\n")
    for node, data in graph.nodes(data=True):
        file.write(f"<node id={columns.id(node)}>{columns.data('node', data)}</node>\n")
    for start, end, data in _edges(graph):
        ends = f"source={columns.id(start)} target={columns.id(end)}"
        file.write(f"<edge {ends}>{columns.data('edge', data)}</edge>\n")
    file.write("</graph>\n</graphml>\n")


class _Columns:
    """The attributes of a graph, each with the one kind that all its values are written in."""

    def __init__(self, graph: nx.Graph[Any]) -> None:
        self._multigraph = graph.is_multigraph()
        self._kinds: dict[tuple[str, str | None], str] = {("graph", None): "json"}
        self._note("graph", [graph.graph])
        self._note("node", (data for _, data in graph.nodes(data=True)))
        self._note("edge", (data for _, _, data in _edges(graph)))
        self.ids = "text"
        for node in graph:
            kind = kind_of(node)
            self.ids = joined(self.ids, kind)
        self._ids = {at: self._key_id(number, *at) for number, at in enumerate(self._kinds)}

    def declarations(self) -> Iterator[str]:
        for (scope, name), kind in self._kinds.items():
            title = quoteattr(
                spelled_out(_OWN[scope] if name is None else self._title(scope, name))
            )
            named = f'for="{scope}" attr.name={title} attr.type="{TYPES[kind]}"'
            yield f'<key id="{self._ids[scope, name]}" {named}/>\n'

    def _title(self, scope: str, name: str) -> str:
        """A name in the file. An attribute may be called as a multigraph's keys of edges are."""
        is_taken = self._multigraph and scope == "edge" and name.lstrip("@") == EDGE_KEY
        return f"@{name}" if is_taken else name

    def data(self, scope: str, values: Mapping[Any, Any]) -> str:
        """The elements of some attributes."""
        return "".join(
            f'<data key="{self._ids[scope, name]}">{self._text(scope, name, value)}</data>'
            for name, value in values.items()
        )

    def id(self, node: Hashable) -> str:
        """A node's id, in quotes."""
        return quoteattr(WRITERS[self.ids](node))

    def _text(self, scope: str, name: str | None, value: Any) -> str:
        return escape(WRITERS[self._kinds[scope, name]](value), _SAFE)

    def _note(self, scope: str, items: Iterable[Mapping[Any, Any]]) -> None:
        kinds = self._kinds
        for item in items:
            for name, value in item.items():
                kind = kind_of(value)
                at = scope, name
                there = kinds.get(at)
                if there is None:
                    _check_name(name)
                    kinds[at] = kind
                elif there != kind:
                    kinds[at] = joined(there, kind)

    def _key_id(self, number: int, scope: str, name: str | None) -> str:
        own = "" if name is None else str(number)
        return f"{scope[0]}{own}-{self._kinds[scope, name]}"


def _edges(graph: nx.Graph[Any]) -> Iterator[tuple[Any, Any, Mapping[Any, Any]]]:
    if not graph.is_multigraph():
        yield from graph.edges(data=True)
        return
    for start, end, key, data in cast(Any, graph).edges(keys=True, data=True):
        yield start, end, {None: key} | data


def _check_name(name: object) -> None:
    if name is not None and type(name) is not str:
        raise AnalysisError(
            f"an attribute is called {name!r:.100}, and in GraphML only a text can be the name of "
            "one; save it as .json"
        )
