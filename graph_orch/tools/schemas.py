"""JSON schemas for the tools, as short as they can be: an agent reads them all."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Container, Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

Schema = dict[str, Any]


def arguments_model(
    name: str, function: Callable[..., Any], without: Container[str] = ()
) -> type[BaseModel]:
    """A model of a function's parameters but for the first, and for some that are left out."""
    fields: dict[str, Any] = {}
    _, *parameters = inspect.signature(function, eval_str=True).parameters.values()
    for it in parameters:
        if it.name not in without:
            default = ... if it.default is inspect.Parameter.empty else it.default
            fields[it.name] = (it.annotation, default)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def input_schema(model: type[BaseModel]) -> Schema:
    """The schema of a tool's arguments. What is said of one is not said again further in."""
    schema = model.model_json_schema()
    said = set(schema.get("properties", ()))
    for definition in schema.get("$defs", {}).values():
        for name in said.intersection(definition.get("properties", ())):
            definition["properties"][name].pop("description", None)
    return _compact(schema)


def as_meant(value: Any, schema: Schema) -> Any:
    """A value as the schema has it, where a client sent it in another shape that says the same.

    Models write lists and objects as JSON text, one value for a list of one, and null for what
    they leave out. Numbers and yes or no as text are read when the value is checked.
    """
    kind = schema.get("type")
    found: Any = value
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
