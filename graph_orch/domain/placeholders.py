"""Templates: JSON values into which fields of a message are put: `{"content": "{{data.title}}"}`.

A place names fields with dots between, and list elements by their numbers. Nothing is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from pydantic import JsonValue

from graph_orch.domain.fields import TOO_DEEP
from graph_orch.domain.forms import dump_json
from graph_orch.errors import ValidationError

_PLACE = re.compile(r"\{\{\s*([^{}\s]{1,200})\s*\}\}")


def places_in(template: JsonValue) -> Iterator[str]:
    """The places that a template names, such as `data.title`."""
    if isinstance(template, str):
        yield from _PLACE.findall(template)
    elif isinstance(template, dict):
        for part in template.values():
            yield from places_in(part)
    elif isinstance(template, list):
        for part in template:
            yield from places_in(part)


def filled(template: JsonValue, values: Mapping[str, JsonValue]) -> JsonValue:
    """A template with the values at its places.

    A text that is nothing but one place becomes the value itself, whatever its type. Within a
    longer text a value that is no text stands as JSON. What is put in is not looked at again.

    Raises:
        ValidationError: the values have nothing at a place, or what they have is nested too deeply.
    """
    try:
        return _mapped(template, lambda place: _at(place, values))
    except RecursionError:
        raise ValidationError(f"the message: {TOO_DEEP}") from None


def filled_with_samples(template: JsonValue) -> JsonValue:
    """A template with a text at each place, to check the rest of it."""
    return _mapped(template, lambda place: "x")


def _mapped(template: JsonValue, at: Callable[[str], JsonValue]) -> JsonValue:
    if isinstance(template, dict):
        return {name: _mapped(part, at) for name, part in template.items()}
    if isinstance(template, list):
        return [_mapped(part, at) for part in template]
    if not isinstance(template, str):
        return template
    if whole := _PLACE.fullmatch(template):
        return at(whole[1])
    return _PLACE.sub(lambda found: _as_text(at(found[1])), template)


def _as_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else dump_json(value)


def _at(place: str, values: Mapping[str, JsonValue]) -> JsonValue:
    found: JsonValue = cast(JsonValue, values)
    for name in place.split("."):
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name[:9]) < len(found):
            found = found[int(name[:9])]
        else:
            raise ValidationError(f"the message has no {place!r}, which the template names")
    return found
