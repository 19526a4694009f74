"""Reading the GraphML that `graphml_writing` wrote, element by element."""

from __future__ import annotations

from typing import Any, BinaryIO, cast
from xml.parsers import expat

import networkx as nx

from graph_orch.analysis.io.graphml_kinds import EDGE_KEY, READERS
from graph_orch.analysis.io.json_files import FORMAT, check_version, empty_graph
from graph_orch.analysis.io.values import hashable, loaded
from graph_orch.errors import AnalysisError, ValidationError

_SHORT = 64
"""Texts up to this length are often the same; one copy of each is kept."""


def read_graphml(file: BinaryIO) -> nx.Graph[Any]:
    """Read a graph that `write_graphml` wrote.

    Raises:
        AnalysisError: the file holds something else, or comes from a newer version.
    """
    reader = _Reader()
    try:
        reader.parser().ParseFile(file)
    except expat.ExpatError as error:
        raise AnalysisError(f"it is no XML: {error}") from error
    except ValidationError:
        raise
    except (KeyError, ValueError, TypeError) as error:
        why = f"{type(error).__name__} {error!s:.200}"
        raise AnalysisError(f"the snapshot is damaged: {why}") from error
    return reader.graph


class _Reader:
    """Builds a graph from what an XML parser finds."""

    def __init__(self) -> None:
        self._graph: nx.Graph[Any] | None = None
        self._multigraph = False
        self._ids = "text"
        self._directed = True
        self._keys: dict[str, tuple[str, str]] = {}
        self._names: dict[str, Any] = {}
        self._texts: dict[str, str] = {}
        self._element: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._edge_key: Any = None
        self._parts: list[str] = []
        self._key = ""
        self._inside = False

    def parser(self) -> expat.XMLParserType:
        """A parser that tells this reader what it finds."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._parts.append
        return parser

    @property
    def graph(self) -> nx.Graph[Any]:
        """What was read so far.

        Raises:
            AnalysisError: the mark of a snapshot has not been seen.
        """
        if self._graph is None:
            raise AnalysisError(
                "it is GraphML, but no snapshot that analysis.save() wrote; "
                "networkx.read_graphml may read it"
            )
        return self._graph

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._inside and tag != "graphml":
            raise AnalysisError(f"it is XML, but no GraphML: its root is {tag[:50]!r}")
        self._inside = True
        match tag:
            case "key":
                kind = attributes["id"].rpartition("-")[2]
                self._keys[attributes["id"]] = attributes.get("attr.name", ""), kind
            case "graph":
                self._directed = attributes.get("edgedefault") != "undirected"
            case "node" | "edge":
                self._element, self._values = attributes, {}
            case "data":
                self._key = attributes["key"]
                self._parts.clear()
            case _:
                pass

    def _end(self, tag: str) -> None:
        match tag:
            case "data":
                self._take("".join(self._parts))
            case "node":
                name = hashable(self._value(self._ids, self._element["id"]))
                self._names[self._element["id"]] = name
                self.graph.add_nodes_from([(name, self._values)])
            case "edge":
                self._add_edge()
            case "graph":
                assert self.graph is not None
            case _:
                pass

    def _take(self, text: str) -> None:
        scope, own = self._key[:1], self._key[1:2] == "-"
        if scope == "g" and own:
            self._begin(loaded(text))
            return
        graph = self.graph
        name, kind = self._keys[self._key]
        value = self._value(kind, text)
        if scope == "e" and own:
            self._edge_key = hashable(value)
        else:
            values = graph.graph if scope == "g" else self._values
            name = READERS["escaped"](name)
            if self._multigraph and scope == "e" and name.lstrip("@") == EDGE_KEY:
                name = name[1:]  # it is called as the keys of edges are
            values[name] = value

    def _begin(self, mark: Any) -> None:
        if not isinstance(mark, dict) or cast(dict[str, Any], mark).get("format") != FORMAT:
            raise AnalysisError("it is GraphML, but no snapshot that analysis.save() wrote")
        found = cast(dict[str, Any], mark)
        check_version(found.get("version"))
        self._ids, self._multigraph = found["ids"], found["multigraph"] is True
        self._graph = empty_graph(self._directed, self._multigraph)

    def _add_edge(self) -> None:
        start, end = (self._names[self._element[name]] for name in ("source", "target"))
        edge = (start, end, self._edge_key) if self._multigraph else (start, end)
        self.graph.add_edges_from([(*edge, self._values)])

    def _value(self, kind: str, text: str) -> Any:
        value = READERS[kind](text)
        short = type(value) is str and len(value) <= _SHORT
        return self._texts.setdefault(value, value) if short else value


def _refuse_doctype(*_: object) -> None:
    raise AnalysisError("it has a DOCTYPE, and a snapshot has none")
