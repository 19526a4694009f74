"""Snapshots in files, to be analysed without a store."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import networkx as nx

from graph_orch.analysis.io.graphml_reading import read_graphml
from graph_orch.analysis.io.graphml_writing import write_graphml
from graph_orch.analysis.io.json_files import read_json, write_json
from graph_orch.errors import AnalysisError, ValidationError
from graph_orch.files import Limited, replacing

MOST_BYTES = 2_000_000_000
SUFFIXES = (".json", ".json.gz", ".graphml", ".graphml.gz")


def save(graph: nx.Graph[Any], path: str | os.PathLike[str]) -> None:
    """Write a graph to a file, of the kind that the end of its name says.

    `.json` is node-link JSON, `.graphml` is what Gephi and networkx read; both may end in `.gz`.
    `load` gives back the same graph: times, nested values, parallel edges and the graph's own
    attributes are kept. The file is there as a whole or not at all, as what it was before; only
    this user may read it, and a link is not followed.

    Raises:
        ValidationError: the name ends otherwise, or `graph` is no NetworkX graph.
        AnalysisError: an attribute is of a kind that no file can hold, or the disk refuses it.
    """
    if not isinstance(graph, nx.Graph):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"save: graph: a {type(graph).__name__} is no NetworkX graph")
    target = _path("save", path)
    write = write_json if ".json" in _suffix("save", target) else write_graphml
    try:
        with replacing(target) as file, _text(file, target) as text:
            write(graph, text)
    except OSError as error:
        raise AnalysisError(f"save: cannot write {target}: {error.strerror or error}") from error


def load(path: str | os.PathLike[str], *, max_bytes: int = MOST_BYTES) -> Any:
    """The graph in a file that `save` wrote. It needs no store, and no driver of one.

    Args:
        max_bytes: of the text in it, decompressed; in memory a graph takes several times as much.

    Raises:
        ValidationError: the name ends in none of .json, .json.gz, .graphml, .graphml.gz.
        AnalysisError: the file cannot be read, holds no snapshot, holds more than `max_bytes`, or
            was written by a newer version.
    """
    source = _path("load", path)
    read = _read_json if ".json" in _suffix("load", source) else read_graphml
    try:
        return _loaded(source, read, max_bytes)
    except (AnalysisError, ValidationError) as error:
        raise AnalysisError(f"load: {source}: {error}".replace("load: load: ", "load: ")) from error


def _loaded(source: Path, read: Callable[[BinaryIO], nx.Graph[Any]], most: int) -> nx.Graph[Any]:
    try:
        with source.open("rb") as raw, ExitStack() as stack:
            file = raw
            if source.name.lower().endswith(".gz"):
                file = cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=raw)))
            return read(io.BufferedReader(Limited(file, most)))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise AnalysisError(f"it is no whole gzip file: {error}") from error
    except OSError as error:
        raise AnalysisError(f"it cannot be read: {error.strerror or error}") from error


def _read_json(file: BinaryIO) -> nx.Graph[Any]:
    try:
        with io.TextIOWrapper(file, encoding="utf-8", errors="surrogatepass") as text:
            return read_json(text)
    except ValidationError:
        raise
    except RecursionError:
        raise AnalysisError("it is no snapshot: it is nested too deeply") from None
    except ValueError as error:
        raise AnalysisError(f"it is no JSON: {error}") from error


def _path(doing: str, given: object) -> Path:
    try:
        return Path(cast(str, given))
    except TypeError:
        raise ValidationError(
            f"{doing}: path: {repr(given)[:100]} is neither a text nor a Path"
        ) from None


def _suffix(doing: str, path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise ValidationError(
        f"{doing}: path: {path.name!r} ends in none of {', '.join(SUFFIXES)}, so its kind is not "
        "known; rename it"
    )


@contextmanager
def _text(file: BinaryIO, target: Path) -> Generator[TextIO]:
    if not target.name.lower().endswith(".gz"):
        yield from _encoding(file)
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as zipped:
        yield from _encoding(cast(BinaryIO, zipped))


def _encoding(file: BinaryIO) -> Generator[TextIO]:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogatepass", newline="\n")
    yield text
    text.flush()
    text.detach()
