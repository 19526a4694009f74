"""JSON schemas of what people answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import JsonValue

from graph_orch.domain.fields import JSON_OBJECT
from graph_orch.errors import ValidationError

MOST_VALUES = 1_000
"""How many values a schema may have, with what it refers to in the place of each reference."""
DEEPEST = 20
ENDLESS = ("pattern", "patternProperties", "$dynamicRef", "$recursiveRef")
"""Keywords that can keep a processor busy for ever, whoever answers."""
DATA = ("const", "default", "enum", "example", "examples")
"""Keywords that hold values, and no schemas."""
NAMES = ("properties", "$defs", "definitions", "dependentSchemas", "dependentRequired")
"""Keywords whose keys are names."""
BROKEN = (RecursionError, ArithmeticError, TypeError, AttributeError, ValueError)
"""What the library raises where a schema is none in a way that it does not expect."""


def check_schema(schema: object) -> Mapping[str, JsonValue]:
    """A JSON schema (draft 2020-12 where it does not say which) as a caller gave it.

    It is small, and an answer is held against it in a short time, whatever the answer is: patterns
    and references in a circle are refused.

    Raises:
        ValidationError: it is none, or not such a one.
    """
    from jsonschema import SchemaError  # it takes long to import, and few need it

    found = JSON_OBJECT.of("schema", schema)
    _size(found, found, (), 0)
    try:
        _validator_class(found).check_schema(found)
    except SchemaError as error:
        raise ValidationError(f"schema: is no JSON schema: {error.message[:300]}") from None
    except BROKEN:
        raise ValidationError("schema: is no JSON schema") from None
    return found


def _size(part: JsonValue, whole: JsonValue, above: tuple[str, ...], depth: int) -> int:
    """How many values a part of a schema has, with what it refers to.

    Args:
        above: The references that lead here.
    """
    if depth > DEEPEST:
        raise ValidationError(f"schema: nests deeper than {DEEPEST} levels")
    size = 1
    if isinstance(part, dict):
        for keyword in ENDLESS:
            if keyword in part:
                raise ValidationError(
                    f"schema: has {keyword!r}, which an answer can keep busy for ever; use enum, "
                    "format or lengths"
                )
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            if reference in above:
                raise ValidationError(f"schema: {reference!r} refers to itself")
            size += _size(_referred(whole, reference), whole, (*above, reference), depth + 1)
    for value in _schemas_in(part):
        size += _size(value, whole, above, depth + 1)
        if size > MOST_VALUES:
            break
    if size > MOST_VALUES:
        raise ValidationError(
            f"schema: has more than {MOST_VALUES:,} values, with what it refers to"
        )
    return size


def _schemas_in(part: JsonValue) -> Iterator[JsonValue]:
    """What may be schemas in a part of one, but for what is only referred to."""
    if isinstance(part, list):
        yield from part
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in NAMES and isinstance(value, dict):
                if key not in ("$defs", "definitions"):
                    yield from value.values()
            elif key not in DATA:
                yield value


def _referred(whole: JsonValue, reference: str) -> JsonValue:
    """What a reference into the same schema means; None where there is no such place."""
    found = whole
    for name in reference.removeprefix("#").split("/")[1:]:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def refuse_answer(schema: JsonValue, answer: JsonValue) -> None:
    """Raise where an answer does not fit its schema; without a schema everything does.

    Raises:
        ValidationError: it does not fit; the message says where.
    """
    if not isinstance(schema, dict):
        return
    import referencing
    from jsonschema import exceptions
    from referencing.exceptions import Unresolvable

    library: Any = exceptions
    # An empty registry: a reference to somewhere else is refused, and never fetched.
    registry = cast(Any, referencing).Registry()
    validator = _validator_class(schema)(schema, registry=registry)
    try:
        error = library.best_match(validator.iter_errors(answer))
    except Unresolvable as unknown:
        raise ValidationError(f"schema: refers to {unknown.ref!r}, and does not hold it") from None
    except BROKEN:
        raise ValidationError("payload: the schema cannot be held against it") from None
    if error is not None:
        raise ValidationError(f"payload: {error.json_path}: {error.message[:300]}")


def _validator_class(schema: Mapping[str, JsonValue]) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    return validator_for(schema, default=Draft202012Validator)
