"""Templates: JSON in which `{event.task_id}` stands for a value of an event, or of a message."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import cast

from pydantic import JsonValue

from graph_orch.domain.fields import MAX_BATCH_BYTES, TOO_DEEP
from graph_orch.domain.forms import dump_json
from graph_orch.errors import ValidationError

ROOTS = ("event", "task", "trigger", "recommendation")
"""What the first word of a place may be."""
MOST_WORDS = 20
_MARK = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_TOLD = 100


class Template:
    """JSON with places such as `{task.result.title}` in its texts.

    A place is names with dots between, and whole numbers for the items of a list; it is looked up
    in data, and nothing is called or evaluated. A text that is one place and nothing else stands
    for the value itself, whatever it is. `{{` and `}}` are braces.
    """

    def __init__(self, what: str, value: JsonValue, roots: Collection[str] | None = ROOTS) -> None:
        """Args:
        what: What errors name.
        roots: What the first word of a place may be; None: anything.

        Raises:
            ValidationError: a brace stands alone, or a place begins with an unknown word.
        """
        self._what = what
        self._value = value
        self._roots = roots
        self._places: list[str] = []
        _walk(value, self._check)

    def needs(self, root: str) -> bool:
        """Whether one of its places begins with this word."""
        return any(place.partition(".")[0] == root for place in self._places)

    @property
    def has_places(self) -> bool:
        """Whether anything in it stands for a value."""
        return bool(self._places)

    def sampled(self) -> JsonValue:
        """The JSON with a text in each place, to check the rest of it."""

        def sample(mark: re.Match[str]) -> str:
            return mark[0][0] if mark[1] is None else "x"

        return _walk(self._value, lambda text: _MARK.sub(sample, text))

    def filled(self, values: Mapping[str, JsonValue]) -> JsonValue:
        """The JSON with the values in the places; null becomes nothing inside of a text.

        Raises:
            ValidationError: a place is not in the values, the whole is more than 32 MB, or what is
                in a place is nested too deeply.
        """
        room = [MAX_BATCH_BYTES]

        def fill(text: str) -> JsonValue:
            whole = _MARK.fullmatch(text)
            if whole and whole[1] is not None:
                found = self._look_up(values, whole[1])
                room[0] -= len(dump_json(found))
            else:
                pieces: list[str] = []
                end = 0
                for mark in _MARK.finditer(text):
                    pieces += text[end : mark.start()], self._text(values, mark)
                    room[0] -= len(pieces[-1])
                    self._refuse_too_much(room[0])
                    end = mark.end()
                found = "".join((*pieces, text[end:]))
                room[0] -= len(text) - end
            self._refuse_too_much(room[0])
            return found

        try:
            return _walk(self._value, fill)
        except RecursionError:
            raise ValidationError(f"{self._what}: {TOO_DEEP}") from None

    def emptied(self) -> JsonValue:
        """The JSON without what has a place in it: items and members whose value is unknown yet."""
        return _without(self._value)

    def _check(self, text: str) -> str:
        for mark in _MARK.finditer(text):
            if mark[0] in ("{", "}"):
                raise ValidationError(
                    f"{self._what}: a lone {mark[0]} in {text[:_TOLD]!r}: places are such as "
                    "{event.task_id}; a brace itself is written twice"
                )
            if mark[1] is not None:
                self._places.append(mark[1])
                words = mark[1].split(".")
                is_known = self._roots is None or words[0] in self._roots
                if not is_known or len(words) > MOST_WORDS or "" in words:
                    begins = f", which begins with {', '.join(self._roots)}" if self._roots else ""
                    raise ValidationError(
                        f"{self._what}: {mark[0][:_TOLD]!r} is no place: give such as "
                        f"{{event.task_id}}{begins}"
                    )
        return text

    def _text(self, values: Mapping[str, JsonValue], mark: re.Match[str]) -> str:
        if mark[1] is None:
            return mark[0][0]
        found = self._look_up(values, mark[1])
        return found if isinstance(found, str) else "" if found is None else dump_json(found)

    def _look_up(self, values: Mapping[str, JsonValue], place: str) -> JsonValue:
        found: object = values
        for number, word in enumerate(place.split(".")):
            if isinstance(found, Mapping) and word in found:
                found = found[word]
            elif isinstance(found, list) and word.isascii() and word.isdigit() and len(word) < 9:
                items = cast("list[JsonValue]", found)
                if int(word) >= len(items):
                    raise self._unknown(place, number, found)
                found = items[int(word)]
            else:
                raise self._unknown(place, number, found)
        return cast(JsonValue, found)

    def _unknown(self, place: str, number: int, found: object) -> ValidationError:
        words = place.split(".")
        there = ".".join(words[:number])
        if isinstance(found, Mapping):
            names = sorted(map(str, cast("Mapping[object, object]", found)))
            has = f"has {', '.join(names)[:_TOLD] or 'no fields'}"
        elif isinstance(found, list):
            has = f"is a list of {len(cast('list[object]', found))}"
        else:
            has = f"is {dump_json(found)[:_TOLD]}"
        return ValidationError(
            f"{self._what}: there is no {{{place[:_TOLD]}}}: {there or 'what is known'} {has}"
        )

    def _refuse_too_much(self, room: int) -> None:
        if room < 0:
            raise ValidationError(
                f"{self._what}: what it makes is more than {MAX_BATCH_BYTES:,} bytes"
            )


def _walk(value: JsonValue, of_text: Callable[[str], JsonValue]) -> JsonValue:
    if isinstance(value, str):
        return of_text(value)
    if isinstance(value, list):
        return [_walk(it, of_text) for it in value]
    if isinstance(value, dict):
        return {name: _walk(it, of_text) for name, it in value.items()}
    return value


def _is_open(value: JsonValue) -> bool:
    return isinstance(value, str) and any(it for it in _MARK.findall(value))


def _without(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_without(it) for it in value if not _is_open(it)]
    if isinstance(value, dict):
        return {name: _without(it) for name, it in value.items() if not _is_open(it)}
    return value
