"""JSON schemas for the tools, as short as they can be: an agent reads them all."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Container, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

Schema = dict[str, Any]


@dataclass(frozen=True)
class FieldsOf:
    """Marks a parameter that stands for the fields of a model: a dict of those that were given.

    The model tells once, for all surfaces, what each field means and may be.
    """

    model: type[BaseModel]

    def optional(self) -> dict[str, Any]:
        """The fields as `create_model` takes them, none of them required."""
        found: dict[str, Any] = {}
        for name, field in self.model.model_fields.items():
            own = copy(field)
            if own.is_required():
                own.default = None
            found[name] = (own.annotation, own)
        return found


def parameters(function: Callable[..., Any]) -> Iterator[tuple[inspect.Parameter, FieldsOf | None]]:
    """The parameters of a tool's function but for the call, each with its mark if it has one."""
    _, *found = inspect.signature(function, eval_str=True).parameters.values()
    for it in found:
        marks = getattr(it.annotation, "__metadata__", ())
        yield it, next((mark for mark in marks if isinstance(mark, FieldsOf)), None)


def arguments_model(
    name: str, function: Callable[..., Any], without: Container[str] = ()
) -> type[BaseModel]:
    """A model of a function's parameters but for the first, and for some that are left out."""
    fields: dict[str, Any] = {}
    for it, fields_of in parameters(function):
        if fields_of is not None:
            fields |= fields_of.optional()
        elif it.name not in without:
            default = ... if it.default is inspect.Parameter.empty else it.default
            fields[it.name] = (it.annotation, default)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def as_called(function: Callable[..., Any], arguments: BaseModel) -> dict[str, Any]:
    """The arguments of a tool as its function takes them."""
    given: dict[str, Any] = {}
    for it, fields_of in parameters(function):
        if fields_of is not None:
            names = arguments.model_fields_set & fields_of.model.model_fields.keys()
            given[it.name] = {name: getattr(arguments, name) for name in names}
        elif it.name in type(arguments).model_fields:
            given[it.name] = getattr(arguments, it.name)
    return given


def input_schema(model: type[BaseModel]) -> Schema:
    """The schema of a tool's arguments."""
    return _compact(model.model_json_schema())


def shortened(schema: Schema) -> Schema:
    """A schema of arguments as clients read it: what is said once is not said again further in.

    The items of a list that have the fields that the arguments have are objects, no more is said.
    """
    said: Schema = schema.get("properties", {})
    short = dict(said)
    for name, it in said.items():
        items = it.get("items", {})
        if items.get("properties") and items["properties"].keys() <= said.keys():
            short[name] = it | {"items": {key: items[key] for key in ("type", "required")}}
    return schema | {"properties": short}


def as_meant(value: Any, schema: Schema) -> Any:
    """A value as the schema has it, where a client sent it in another shape that says the same.

    Models write lists and objects as JSON text, whole numbers as text or with a fraction of zero,
    one value for a list of one, and null for what they leave out. Other numbers, and yes or no, as
    text are read when the value is checked.
    """
    kind = schema.get("type")
    found: Any = value
    if kind == "integer" and isinstance(value, str | float):
        return _whole(value)
    if kind in ("array", "object") and isinstance(value, str):
        found = _read_json(value)
    if kind == "array" and found is not None:
        items: Schema = schema.get("items", {})
        listed = cast(list[Any], found) if isinstance(found, list) else [found]
        return [as_meant(item, items) for item in listed]
    if kind == "object" and isinstance(found, Mapping):
        known: Schema = schema.get("properties", {})
        given = cast(Mapping[str, Any], found)
        meant = {name: as_meant(it, known.get(name, {})) for name, it in given.items()}
        return {name: it for name, it in meant.items() if it is not None or name not in known}
    return found


def _whole(value: str | float) -> Any:
    """The whole number that a text or a float says, or what it is, which is refused then."""
    try:
        whole = int(value)
        return whole if isinstance(value, str) or whole == value else value
    except (ValueError, OverflowError):
        return value


def _read_json(text: str) -> Any:
    """The list or object that a text is in JSON, None where it says nothing, else the text."""
    if text.strip() in ("", "null"):
        return None
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return cast(object, found) if isinstance(found, list | dict) else text


def output_schema(function: Callable[..., Any]) -> Schema:
    """The schema of what a tool answers. What is null is left out of answers, so none is required:
    that saves an agent a tenth of what it reads before it begins.
    """
    answer = inspect.signature(function, eval_str=True).return_annotation
    schema = TypeAdapter[Any](answer).json_schema(mode="serialization")
    for definition in (schema, *schema.get("$defs", {}).values()):
        definition.pop("required", None)
        definition.pop("additionalProperties", None)
    return _compact(schema)


def _compact(schema: Schema) -> Schema:
    """Without titles, references, the ways to say null, and what says nothing."""
    return cast(Schema, _short(schema, schema.pop("$defs", {})))


def _short(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_short(item, definitions) for item in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    found = _merged(cast(Schema, node), definitions)
    return {
        key: _properties(it, definitions) if key == "properties" else _short(it, definitions)
        for key, it in found.items()
        if not _says_nothing(key, it)
    }


def _properties(properties: Schema, definitions: Schema) -> Schema:
    """Properties have names of their own, which may be those of keywords."""
    return {name: _short(it, definitions) for name, it in properties.items()}


def _merged(node: Schema, definitions: Schema) -> Schema:
    """A node with what it refers to, and with the one thing that it may be besides null."""
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        return _merged(_without(target, "description") | _without(node, "$ref"), definitions)
    options = [it for it in node.get("anyOf", ()) if it != {"type": "null"}]
    if len(options) == 1:
        return _merged(options[0] | _without(node, "anyOf"), definitions)
    return node


def _without(node: Schema, key: str) -> Schema:
    return {name: it for name, it in node.items() if name != key}


def _says_nothing(key: str, value: Any) -> bool:
    return (
        key == "title"
        or (key == "default" and value in (None, []))
        or (key == "additionalProperties" and value in ({}, True))
    )
