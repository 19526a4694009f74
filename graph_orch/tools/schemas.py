"""JSON schemas of the tools. They are as short as possible, since an agent reads them all."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Container, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

from graph_orch.domain.fields import MAX_NAME

Schema = dict[str, Any]


@dataclass(frozen=True)
class FieldsOf:
    """Marks a parameter that stands for the fields of a model: a dict of the fields that are given.

    So the model alone describes its fields, for every surface. `changes` names those that a tool
    changes: it takes no others, and none has a default, since what is not given stays as it is.
    """

    model: type[BaseModel]
    changes: frozenset[str] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names of the fields that it takes."""
        return frozenset(self.model.model_fields) if self.changes is None else self.changes

    def optional(self) -> dict[str, Any]:
        """The fields as `create_model` takes them; none is required."""
        found: dict[str, Any] = {}
        for name, field in self.model.model_fields.items():
            if name in self.names:
                own = copy(field)
                if own.is_required() or self.changes is not None:
                    own.default = None
                found[name] = (own.annotation, own)
        return found


def parameters(function: Callable[..., Any]) -> Iterator[tuple[inspect.Parameter, FieldsOf | None]]:
    """The parameters of a tool's function after the call, each with its mark if it has one."""
    _call, *found = inspect.signature(function, eval_str=True).parameters.values()
    for parameter in found:
        marks = getattr(parameter.annotation, "__metadata__", ())
        yield parameter, next((mark for mark in marks if isinstance(mark, FieldsOf)), None)


def arguments_model(
    name: str, function: Callable[..., Any], without: Container[str] = ()
) -> type[BaseModel]:
    """A model of the parameters of a tool's function, except those in `without`."""
    fields: dict[str, Any] = {}
    for parameter, fields_of in parameters(function):
        if fields_of is not None:
            fields |= fields_of.optional()
        elif parameter.name not in without:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[parameter.name] = (parameter.annotation, default)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def as_called(function: Callable[..., Any], arguments: BaseModel) -> dict[str, Any]:
    """The keyword arguments of a tool's function, from their model."""
    found: dict[str, Any] = {}
    for parameter, fields_of in parameters(function):
        if fields_of is not None:
            names = arguments.model_fields_set & fields_of.names
            found[parameter.name] = {name: getattr(arguments, name) for name in names}
        elif parameter.name in type(arguments).model_fields:
            found[parameter.name] = getattr(arguments, parameter.name)
    return found


def input_schema(model: type[BaseModel]) -> Schema:
    """The schema of a tool's arguments."""
    return _compact(model.model_json_schema())


def shortened(schema: Schema) -> Schema:
    """A schema of arguments that describes no field twice.

    List items whose fields are all arguments too are described as objects with required fields,
    the fields of other objects and items by their names, those with any names by none, names in
    lists without their length. The full
    schema checks what is sent.
    """
    properties: Schema = schema.get("properties", {})
    short = dict(properties)
    for name, definition in properties.items():
        items = definition.get("items", {})
        if items.get("properties") and items["properties"].keys() <= properties.keys():
            required = {key: items[key] for key in ("type", "required")}
            short[name] = definition | {"items": required}
        elif items.get("properties"):
            named: Schema = {key: {} for key in items["properties"]}
            kept = {key: items[key] for key in ("type", "required")}
            short[name] = definition | {"items": kept | {"properties": named}}
        elif items.get("maxLength") == MAX_NAME:
            short[name] = definition | {"items": {"type": items["type"]}}
        elif definition.get("additionalProperties"):
            short[name] = {key: definition[key] for key in ("type", "description")}
        elif "properties" in definition:
            named: Schema = {key: {} for key in definition["properties"]}
            kept = {key: definition[key] for key in ("type", "description") if key in definition}
            short[name] = kept | {"properties": named}
    return schema | {"properties": short}


def as_meant(value: Any, schema: Schema) -> Any:
    """Convert a value that a client sent in another form than the schema's but with one meaning.

    Language models write lists and objects as JSON text, whole numbers as text or with a fraction
    of zero, one value for a list of one, and null for what they leave out. Other numbers, and
    booleans, in text are left to the validation, which parses them.
    """
    kind = schema.get("type")
    found: Any = value
    if kind == "integer" and isinstance(value, str | float):
        return _whole_number(value)
    if kind in ("array", "object") and isinstance(value, str):
        found = _parse_json(value)
    if kind == "array" and found is not None:
        items: Schema = schema.get("items", {})
        listed = cast(list[Any], found) if isinstance(found, list) else [found]
        return [as_meant(item, items) for item in listed]
    if kind == "object" and isinstance(found, Mapping):
        known: Schema = schema.get("properties", {})
        given = cast(Mapping[str, Any], found)
        meant = {name: as_meant(item, known.get(name, {})) for name, item in given.items()}
        return {name: item for name, item in meant.items() if item is not None or name not in known}
    return found


def _whole_number(value: str | float) -> Any:
    """The whole number in a text or a float; else the value itself, which validation refuses."""
    try:
        whole = int(value)
        return whole if isinstance(value, str) or whole == value else value
    except (ValueError, OverflowError):
        return value


def _parse_json(text: str) -> Any:
    """The list or object that a JSON text holds, None for an empty text or null, else the text."""
    if text.strip() in ("", "null"):
        return None
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return cast(object, found) if isinstance(found, list | dict) else text


def output_schema(function: Callable[..., Any]) -> Schema:
    """The schema of a tool's answers. No field is required, since null fields are left out.

    Leaving "required" out also saves an agent a tenth of what it reads before it begins.
    """
    answer = inspect.signature(function, eval_str=True).return_annotation
    schema = TypeAdapter[Any](answer).json_schema(mode="serialization")
    listed = arguments_model("listed", function).model_json_schema().get("$defs", {})
    for name, definition in {"": schema, **schema.get("$defs", {})}.items():
        if name in listed:  # a client has its values from the parameters
            definition.pop("enum", None)
        definition.pop("required", None)
        definition.pop("additionalProperties", None)
    return _compact(schema)


def _compact(schema: Schema) -> Schema:
    """A schema without titles, references, alternatives of null, and keywords without effect."""
    return cast(Schema, _compacted(schema, schema.pop("$defs", {})))


def _compacted(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_compacted(item, definitions) for item in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    found: Schema = {}
    for key, value in _resolved(cast(Schema, node), definitions).items():
        if key == "properties":  # whose names may be those of keywords
            found[key] = {name: _compacted(it, definitions) for name, it in value.items()}
        elif not _has_no_effect(key, value):
            found[key] = _compacted(value, definitions)
    return found


def _resolved(node: Schema, definitions: Schema) -> Schema:
    """A node merged with its reference, and with its one alternative besides null."""
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        return _resolved(_without(target, "description") | _without(node, "$ref"), definitions)
    options = [option for option in node.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        return _resolved(options[0] | _without(node, "anyOf"), definitions)
    return node


def _without(node: Schema, key: str) -> Schema:
    return {name: value for name, value in node.items() if name != key}


def _has_no_effect(key: str, value: Any) -> bool:
    return (
        key == "title"
        or (key == "default" and (value in (None, []) or value is False))
        or (key == "additionalProperties" and value in ({}, True))
    )
