"""JSON schemas of what people answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from graph_orch.domain.fields import JSON_OBJECT
from graph_orch.errors import ValidationError


def check_schema(schema: object) -> Mapping[str, JsonValue]:
    """A JSON schema (draft 2020-12 where it does not say which) as a caller gave it.

    Raises:
        ValidationError: it is none.
    """
    from jsonschema import SchemaError  # it takes long to import, and few need it

    found = JSON_OBJECT.of("schema", schema)
    try:
        _validator_class(found).check_schema(found)
    except SchemaError as error:
        raise ValidationError(f"schema: is no JSON schema: {error.message[:300]}") from None
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
    if error is not None:
        raise ValidationError(f"payload: {error.json_path}: {error.message[:300]}")


def _validator_class(schema: Mapping[str, JsonValue]) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    return validator_for(schema, default=Draft202012Validator)
