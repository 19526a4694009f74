"""What is stored of a handler's result: whatever pydantic can write as JSON.

Models, dataclasses, named tuples and sets, dates, times, UUIDs, paths, Decimals and Enums have the
forms that pydantic gives them. bytes are text where all those of a result are UTF-8, else base64.
NaN and the infinities, which JSON lacks, are the texts "NaN", "Infinity" and "-Infinity", which
`float()` reads. Numbers of numpy and its like, which give Python's own by `item()`, are those.
"""

from __future__ import annotations

import dataclasses
import json
import reprlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Literal, cast

import pydantic_core
from pydantic import BaseModel, JsonValue

from graph_orch.domain.fields import JSON
from graph_orch.domain.lifecycle import ErrorClass
from graph_orch.errors import ValidationError, describe
from graph_orch.worker.failures import TaskFailure, storable_text

MOST_KEPT = 5_000
"""Characters that are kept of a result that cannot be stored."""
FARTHEST = 1_000
"""Characters of the place up to which iterators are looked for; JSON nests no deeper than that."""
DEEPEST = 20
"""How deep in a result the value that cannot be stored is looked for."""
_UNSET = object()
"""What stands for the value of a field that has none."""
_shown = reprlib.Repr()
_shown.maxlevel = 5
_shown.maxlist = _shown.maxtuple = _shown.maxdict = _shown.maxset = _shown.maxfrozenset = 20
_shown.maxstring = _shown.maxother = _shown.maxlong = MOST_KEPT


class _SameKeys(ValueError):
    """Two keys of a mapping are one as JSON, so that one value would take the other's place."""


class UnstorableResult(TaskFailure):
    """A handler returned what has no form as JSON, or is too long; that of another try would too.

    Its message says which value it was, and keeps the beginning of the result.
    """

    def __init__(self, why: str, result: object) -> None:
        kept = storable_text(_repr(result), MOST_KEPT)
        super().__init__(f"{why}; it was {kept}", ErrorClass.PERMANENT)


def storable(result: object, what: str = "the handler's result") -> JsonValue:
    """A handler's result, or that of a step, as it is stored.

    Raises:
        UnstorableResult: it cannot be.
    """
    if result is None:
        return None
    if (place := _iterator(result, "result", {})) is not None:
        why = f"{what} cannot be stored: {place} is an iterator; give what it yields"
        raise UnstorableResult(why, result)
    try:
        return cast(JsonValue, JSON.of(what, _as_json(result)))
    except ValidationError as error:
        raise UnstorableResult(str(error), result) from error
    except Exception as error:  # a result's own code may take part in writing it
        place, value = _culprit(result, "result", [])
        why = f"is a {type(value).__name__} that has no form as JSON"
        if isinstance(error, _SameKeys):
            why = f"has two keys that are {error} as JSON"
        raise UnstorableResult(f"{what} cannot be stored: {place} {why}", result) from error


def _iterator(value: object, place: str, seen: dict[int, object]) -> str | None:
    """Where a result holds an iterator: one can be read once only, and may have no end."""
    if isinstance(value, Iterator | AsyncIterator):
        return place
    if id(value) in seen or len(place) > FARTHEST:
        return None
    seen[id(value)] = value  # kept, so that no other gets its id
    for name, part in _parts(value):
        if not isinstance(part, str | int | float | None):
            found = _iterator(part, place + name, seen)
            if found is not None:
                return found
    return None


def _as_json(value: object) -> object:
    """The value as JSON gives it back."""
    try:
        text = _json_text(value, "utf8")
    except pydantic_core.PydanticSerializationError:  # some bytes are no text, perhaps
        text = _json_text(value, "base64")
    return json.loads(text, object_pairs_hook=_mapping)


def _json_text(value: object, bytes_mode: Literal["utf8", "base64"]) -> bytes:
    return pydantic_core.to_json(
        value, inf_nan_mode="strings", bytes_mode=bytes_mode, fallback=_plain
    )


def _plain(value: Any) -> object:
    """A scalar of numpy, torch and the like as Python's own."""
    if getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None)):
        return value.item()
    raise pydantic_core.PydanticSerializationError(f"a {type(value).__name__} is no JSON")


def _mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, part in pairs:
        if name in found:
            raise _SameKeys(f"{name!r:.100}")
        found[name] = part
    return found


def _culprit(value: object, place: str, above: list[object]) -> tuple[str, object]:
    """The innermost value that has no form as JSON, and where it is."""
    above = [*above, value]
    for name, part in _parts(value) if len(above) < DEEPEST else ():
        try:
            _as_json(part)
        except Exception:  # see `storable`
            if not any(part is one for one in above):  # it holds itself
                return _culprit(part, place + name, above)
    return place, value


def _repr(value: object) -> str:
    try:
        return _shown.repr(value)
    except Exception as error:  # of a foreign class, or of a number with too many digits
        return f"a {type(value).__name__}, whose repr cannot be made: {describe(error)}"


def _parts(value: Any) -> Iterable[tuple[str, object]]:
    if isinstance(value, dict):
        return [
            (f"[{key!r:.100}]", part) for key, part in cast(dict[object, object], value).items()
        ]
    if isinstance(value, list | tuple | set | frozenset):
        return [(f"[{at}]", part) for at, part in enumerate(cast(list[object], value))]
    if isinstance(value, BaseModel):
        return [(f".{name}", part) for name, part in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [it.name for it in dataclasses.fields(value)]
        return [(f".{name}", getattr(value, name, _UNSET)) for name in names]
    return ()
