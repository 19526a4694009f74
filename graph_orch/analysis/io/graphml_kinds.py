"""How a value is written in GraphML: the kinds of attributes, and the texts of their values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from graph_orch.analysis.io.values import dumped, loaded, moment_of

EDGE_KEY = "key"
"""The name under which NetworkX reads the key of an edge of a multigraph."""
TYPES = {
    "text": "string",
    "escaped": "string",
    "json": "string",
    "time": "string",
    "boolean": "boolean",
    "long": "long",
    "double": "double",
}
"""The types of GraphML by our kinds."""
_UNHOLDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TO_ESCAPE = re.compile("[\\\\\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile(r"\\(?:u([0-9a-f]{4})|(\\))")
_DOUBLES = {"nan": "NaN", "inf": "INF", "-inf": "-INF"}


def kind_of(value: object) -> str:
    """The best way to write a value."""
    kind = type(value)
    if kind is str:
        return "escaped" if _UNHOLDABLE.search(cast(str, value)) else "text"
    if kind is int:
        return "long" if -(2**63) <= cast(int, value) < 2**63 else "json"
    return _KINDS.get(kind, "json")


_KINDS: dict[type, str] = {bool: "boolean", float: "double", datetime: "time"}


def joined(one: str, other: str) -> str:
    """The way to write values of which some are best written in one way, and some in another."""
    if one == other:
        return one
    return "escaped" if {one, other} == {"text", "escaped"} else "json"


def spelled_out(text: str) -> str:
    return _TO_ESCAPE.sub(lambda found: _spelling(found.group()), text)


def _spelling(character: str) -> str:
    return "\\\\" if character == "\\" else f"\\u{ord(character):04x}"


def read_out(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\\" if found[2] else chr(int(found[1], 16)), text)


def _json_text(value: object) -> str:
    """JSON text that XML can hold: in it such characters stand in texts alone."""
    return _UNHOLDABLE.sub(lambda found: _spelling(found.group()), dumped(value))


def _double(value: float) -> str:
    return repr(value) if math.isfinite(value) else _DOUBLES[repr(value)]


WRITERS: dict[str, Callable[[Any], str]] = {
    "text": str,
    "escaped": spelled_out,
    "json": _json_text,
    "time": datetime.isoformat,
    "boolean": lambda value: str(value).lower(),
    "long": str,
    "double": _double,
}
READERS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "escaped": read_out,
    "json": loaded,
    "time": moment_of,
    "boolean": {"true": True, "false": False}.__getitem__,
    "long": int,
    "double": float,
}
