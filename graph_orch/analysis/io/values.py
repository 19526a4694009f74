"""Attribute values as JSON can hold them, exactly, and back.

What JSON has is itself. What it has not is an object of one name that begins with "$"; an object
of the user's that could be taken for one is written as its pairs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any, cast

from graph_orch.errors import AnalysisError

JSON = Any
_SCALARS = (str, bool, int, type(None))


def encoded(value: object) -> JSON:
    """A value in the form that JSON can hold.

    Raises:
        AnalysisError: it is of a kind that no file can hold, or nested too deeply.
    """
    try:
        return _encoded(value)
    except RecursionError as error:
        raise AnalysisError("save: a value is nested too deeply to be written") from error


def decoded(value: JSON) -> Any:
    """The value that `encoded` was given.

    Raises:
        AnalysisError: it stands for no value.
    """
    if isinstance(value, list):
        return [decoded(item) for item in cast(list[JSON], value)]
    if not isinstance(value, dict):
        return value
    found = {name: decoded(item) for name, item in cast(dict[str, JSON], value).items()}
    return revived(found)


def revived(found: dict[str, Any]) -> Any:
    """An object whose items are values already; for `json.loads` as its `object_hook`."""
    if len(found) != 1:
        return found
    ((name, item),) = found.items()
    if not name.startswith("$"):
        return found
    try:
        return _REVIVERS[name](item)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise AnalysisError(f"load: {name:.100} stands for no value here") from error


def dumped(value: object) -> str:
    """The JSON text of a value."""
    return json.dumps(encoded(value), ensure_ascii=False, separators=(",", ":"))


def loaded(text: str) -> Any:
    """The value of a JSON text that `dumped` wrote.

    Raises:
        AnalysisError: it is not one.
    """
    try:
        return json.loads(text, object_hook=revived)
    except (ValueError, RecursionError) as error:
        raise AnalysisError(f"load: {text[:50]!r} is no JSON") from error


def _encoded(value: object) -> JSON:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is float:
        number = cast(float, value)
        return number if math.isfinite(number) else {"$float": repr(number)}
    if kind is list:
        return [_encoded(item) for item in cast(list[object], value)]
    if kind is dict:
        return _encoded_dict(cast(dict[object, object], value))
    if kind is datetime:
        return _encoded_moment(cast(datetime, value))
    return _encoded_other(value)


def _encoded_dict(value: dict[object, object]) -> JSON:
    texts = all(type(name) is str for name in value)
    if texts and not (len(value) == 1 and str(next(iter(value))).startswith("$")):
        return {cast(str, name): _encoded(item) for name, item in value.items()}
    return {"$dict": [[_encoded(name), _encoded(item)] for name, item in value.items()]}


def _encoded_moment(value: datetime) -> JSON:
    # A time zone with a name becomes its offset at that time: the moment is the same.
    return {"$datetime": value.isoformat()}


def _encoded_other(value: object) -> JSON:
    match value:
        case Enum():
            return _encoded(value.value)
        case tuple():
            return {"$tuple": [_encoded(item) for item in cast(tuple[object, ...], value)]}
        case set() | frozenset():
            return _encoded_set(cast("set[object] | frozenset[object]", value))
        case bytes():
            return {"$bytes": value.hex()}
        case datetime():
            return _encoded_moment(value)
        case date() | time():
            return {f"${type(value).__name__}": value.isoformat()}
        case timedelta():
            return {"$timedelta": [value.days, value.seconds, value.microseconds]}
        case Mapping():
            return _encoded_dict(dict(cast(Mapping[object, object], value)))
        case _:
            return _encoded_number(value)


def _encoded_set(items: set[object] | frozenset[object]) -> JSON:
    kind = "$frozenset" if isinstance(items, frozenset) else "$set"
    return {kind: sorted((_encoded(item) for item in items), key=json.dumps)}


def _encoded_number(value: object) -> JSON:
    """A number or a text of another library's, such as numpy's, as Python's own."""
    for kind in (str, int, float):
        if isinstance(value, kind):
            return _encoded(kind(value))
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return _encoded(item())
    raise AnalysisError(
        f"save: a {type(value).__name__} cannot be written to a file; "
        "make it a text, a number, a list or a dict first"
    )


def moment_of(text: str) -> datetime:
    """A time from its ISO text; in UTC it is a time of `datetime.UTC`."""
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo and not found.utcoffset() else found


def _hashable_pairs(pairs: list[list[Any]]) -> dict[Any, Any]:
    return {name: item for name, item in pairs}  # noqa: C416


_REVIVERS: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$dict": _hashable_pairs,
    "$datetime": moment_of,
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$bytes": bytes.fromhex,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$timedelta": lambda parts: timedelta(*parts),
}


def hashable(value: Any) -> Hashable:
    """A node or the key of an edge, as it was read.

    Raises:
        AnalysisError: it cannot be one.
    """
    try:
        hash(value)
    except TypeError as error:
        raise AnalysisError("load: a list or an object cannot be a node") from error
    return value
