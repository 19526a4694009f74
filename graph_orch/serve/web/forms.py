"""Forms for values that a JSON schema describes: the fields to fill in, and what they say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

Schema = Mapping[str, Any]
LONG = 500
"""A text that may be longer gets several lines."""
DEEPEST = 3
"""Objects within objects are asked field by field so deep, then as JSON."""


@dataclass(frozen=True)
class Field:
    """A field of a form.

    Args:
        name: Its path in the value, with dots: `payload.amount`.
        control: `text`, `lines` (several, or one item a line), `number`, `choice` or `group`.
        value: What stands in it, as text.
        choices: The texts that can be chosen; "" for none.
        fields: Those of a group.
        form: What a value that is no text is, as said to who fills it in.
    """

    name: str
    label: str
    control: str
    value: str = ""
    help: str = ""
    is_required: bool = False
    choices: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    form: str = ""
    step: str = "any"
    least: float | None = None
    most: float | None = None


def fields(schema: Schema, given: Mapping[str, Any], prefix: str = "") -> tuple[Field, ...]:
    """The fields for an object's properties, with the values that are given, or their defaults."""
    required = _listed(schema.get("required"))
    return tuple(
        _field(f"{prefix}{name}", name, part, given.get(name), name in required)
        for name, part in _parts(schema)
    )


def _parts(schema: Schema) -> Iterable[tuple[str, Schema]]:
    """The properties of an object with their schemas; `true`, which allows all, is an empty one."""
    known = _mapping(schema.get("properties"))
    return ((name, _mapping(part)) for name, part in known.items())


def _listed(value: object) -> Sequence[Any]:
    return cast(Sequence[Any], value) if isinstance(value, list | tuple) else ()


def _field(name: str, label: str, schema: Schema, given: object, is_required: bool) -> Field:
    kind, value = kind_of(schema), given
    told: dict[str, Any] = {
        "label": schema.get("title") or label.replace("_", " "),
        "help": _help(schema),
        "is_required": is_required,
    }
    if kind == "object" and schema.get("properties") and name.count(".") < DEEPEST:
        inner = fields(schema, _mapping(value), f"{name}.")
        return Field(name, control="group", fields=inner, **told)
    if "enum" in schema or kind == "boolean":
        known = map(_text, _listed(schema.get("enum")) or (True, False))
        return Field(name, control="choice", value=_text(value), choices=("", *known), **told)
    if kind in ("integer", "number"):
        return Field(
            name,
            control="number",
            value=_text(value),
            step="1" if kind == "integer" else "any",
            least=schema.get("minimum"),
            most=schema.get("maximum"),
            **told,
        )
    if kind == "array" and _is_listed(schema):
        items = cast(Iterable[object], value) if isinstance(value, list | tuple) else ()
        lines = "\n".join(map(_text, items))
        return Field(name, control="lines", value=lines, form="one on each line", **told)
    if kind == "string":
        is_long = schema.get("maxLength", LONG) > LONG
        return Field(name, control="lines" if is_long else "text", value=_text(value), **told)
    text = "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)
    form = "JSON" if kind else "JSON, or a text"
    return Field(name, control="lines", value=text, form=form, **told)


def _help(schema: Schema) -> str:
    """What is said of a field. A default is said, and not filled in: an empty field means it."""
    default = schema.get("default")
    said = [str(schema.get("description", ""))]
    if default not in (None, "", [], {}):
        said.append(f"by default {_text(default)}")
    return "; ".join(filter(None, said))


def values(schema: Schema, said: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """What a form says, without what is empty.

    A text that does not fit its field's type stays a text, for the schema's check to refuse.
    """
    found: dict[str, Any] = {}
    for name, part in _parts(schema):
        key = f"{prefix}{name}"
        if kind_of(part) == "object" and part.get("properties") and key.count(".") < DEEPEST:
            if inner := values(part, said, f"{key}."):
                found[name] = inner
        elif (text := said.get(key, "").replace("\r\n", "\n")).strip():
            found[name] = _value(part, text)
    return found


def kind_of(schema: Schema) -> str:
    """The type of a schema's values; of several types the first that is not null."""
    kind = schema.get("type", "")
    if isinstance(kind, list):
        return next((it for it in cast(list[str], kind) if it != "null"), "")
    return str(kind)


def _value(schema: Schema, text: str) -> Any:
    kind = kind_of(schema)
    if "enum" in schema:
        return next((it for it in _listed(schema["enum"]) if _text(it) == text), text)
    if kind == "string":
        return text
    if kind == "array" and _is_listed(schema):
        lines = (line.strip() for line in text.split("\n"))
        return [_value(_mapping(schema.get("items")), line) for line in lines if line]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_listed(schema: Schema) -> bool:
    """Whether the items of a list are written one on each line."""
    return kind_of(_mapping(schema.get("items"))) in ("string", "integer", "number")


def _mapping(value: object) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
