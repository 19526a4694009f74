"""Patterns of events: `completed:research/*`."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, JsonValue

from graph_orch.domain.fields import CONDITIONS, NAME
from graph_orch.domain.forms import load_json, skill_key
from graph_orch.domain.lifecycle import EventType
from graph_orch.errors import ValidationError

_STARS = re.compile(r"\*+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which events are meant: of which types, and of tasks of which types."""

    text: str
    types: list[str]
    task_type: str | None
    """An expression that the whole type of a task matches, for Java and Python; None: any."""

    @classmethod
    def of(cls, text: object) -> Pattern:
        """Parse `EVENTS:TASK_TYPES`, or `EVENTS` alone.

        EVENTS are types of events, several with commas between, and TASK_TYPES is one for the types
        of tasks; in both `*` stands for any letters, none included, and `?` for one.

        Raises:
            ValidationError: no type of an event is meant.
        """
        whole = NAME.of("pattern", text)
        events, _, task_type = whole.partition(":")
        globs = [glob(part.strip()) for part in events.split(",")]
        types = [it.value for it in EventType if any(one.match(it) for one in globs)]
        if not types:
            raise ValidationError(
                f"pattern: {whole!r} means no type of event; give such as 'completed:research/*'; "
                f"there are {', '.join(EventType)}"
            )
        return cls(whole, types, None if task_type in ("", "*") else _expression(task_type))

    def is_type(self, task_type: str) -> bool:
        """Whether a task's type is one that is meant."""
        return self.task_type is None or _compiled(self.task_type).fullmatch(task_type) is not None


NOTHING = Pattern("", [], None)
"""Means no event."""


def glob(text: str) -> re.Pattern[str]:
    """An expression for names of our own, in which `*` stands for any letters and `?` for one."""
    return re.compile(translate(text))


_compiled = lru_cache(20_000)(re.compile)


def _expression(glob: str) -> str:
    """An expression for Java, which takes no longer for a hostile glob than for a kind one.

    What follows a star is looked for once, at its first place (an atomic group): where a whole
    match is to be had, there is one from there.
    """
    first, *rest = (
        "".join("." if it == "?" else re.escape(it) for it in part) for part in _STARS.split(glob)
    )
    if not rest:
        return f"(?s){first}"
    *inner, last = rest
    return f"(?s){first}{''.join(f'(?>.*?{part})' for part in inner)}.*{last}"


TASK_FIELDS = ("priority", "task_type", "workflow_id", "name", "content", "metadata", "result")
STORED_AS_JSON = ("metadata", "result")
FIELDS = (
    *("event_id", "task_id", "type", "attempt", "agent_id", "command_id", "detail"),
    *(f"task.{name}" for name in TASK_FIELDS),
)
"""What a condition may ask of an event, and of the task as it is when the event is read."""
_STEP = r'(?:[\w-]+|"(?:[^"\\]|\\.)*")'
_CONDITION = re.compile(rf"({_STEP}(?:\.{_STEP})*)\s*(=|!=|<=|<|>=|>|in\b)\s*([^\s=].*)", re.DOTALL)
_STEPS = re.compile(_STEP)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda found, given: isinstance(given, list) and found in given,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What holds for an event: `task.metadata.customer = "acme"`. Nothing is ever evaluated."""

    text: str
    path: tuple[str, ...]
    compare: str
    value: JsonValue

    @classmethod
    def of(cls, text: str) -> Condition:
        """Parse `PATH = VALUE`, with `!=`, `<`, `<=`, `>`, `>=`, or `in` and a list.

        PATH leads from one of FIELDS into its JSON: names, and places of lists, with dots between;
        a name with other signs is written as a JSON text. VALUE is JSON, or else a text.

        Raises:
            ValidationError: it is no condition, or begins with no such field.
        """
        whole = text.strip()
        found = _CONDITION.fullmatch(whole)
        if found is None:
            raise ValidationError(
                f"where: {whole!r} is no condition; give such as 'task.metadata.customer = acme' "
                f"or 'task.priority >= 5', with one of {', '.join(_COMPARE)}"
            )
        steps = _STEPS.findall(found[1])
        try:
            path = tuple(json.loads(step) if step.startswith('"') else step for step in steps)
        except ValueError:
            raise ValidationError(f"where: {found[1]!r} has a name that is no JSON text") from None
        if ".".join(path[: 2 if path[0] == "task" else 1]) not in FIELDS:
            raise ValidationError(
                f"where: {found[1]!r} begins with no field of an event; there are "
                f"{', '.join(FIELDS)}"
            )
        try:
            value: JsonValue = json.loads(found[3])
        except ValueError:
            value = found[3]
        if found[2] == "in" and not isinstance(value, list):
            raise ValidationError(f"where: {whole!r}: `in` needs a JSON list, such as [1, 2]")
        return cls(whole, path, found[2], value)

    def holds(self, fields: JsonValue) -> bool:
        """Whether it holds. Where there is no such value, or one of another kind, it does not."""
        for step in self.path:
            if isinstance(fields, dict) and step in fields:
                fields = fields[step]
            elif isinstance(fields, list) and step.isdecimal() and int(step[:9]) < len(fields):
                fields = fields[int(step[:9])]
            else:
                return False
        # A truth value is a number to Python, and no number to JSON.
        if isinstance(fields, bool) != isinstance(self.value, bool) and self.compare != "in":
            return self.compare == "!="
        try:
            return _COMPARE[self.compare](fields, self.value)
        except TypeError:
            return False


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that must all hold for an event."""

    conditions: tuple[Condition, ...] = ()

    @classmethod
    def of(cls, texts: object) -> Where:
        """Parse a condition, or several; None: any event.

        Raises:
            ValidationError: one is not acceptable.
        """
        given = [texts] if isinstance(texts, str) else texts or []
        given = CONDITIONS.of("where", given)
        return cls(tuple(map(Condition.of, given)))

    @property
    def texts(self) -> list[str] | None:
        """As they were given, to be stored; None where there are none."""
        return [it.text for it in self.conditions] or None

    @property
    def task_fields(self) -> list[str]:
        """The fields of the task that they ask for."""
        asked = {it.path[1] for it in self.conditions if it.path[0] == "task"}
        return [name for name in TASK_FIELDS if name in asked]

    def holds(self, fields: JsonValue) -> bool:
        """Whether all hold for what `fields_of` an event says."""
        return all(it.holds(fields) for it in self.conditions)


def fields_of(event: BaseModel, names: Sequence[str], of_task: Sequence[Any]) -> JsonValue:
    """What conditions ask of an event, with some fields of its task as they are stored."""
    task = {
        name: load_json(value) if name in STORED_AS_JSON else value
        for name, value in zip(names, of_task, strict=True)
    }
    return {**event.model_dump(mode="json"), "task": task}


def filters_of(given: Mapping[str, object]) -> dict[str, str | None]:
    """Filters of events by the store, checked; a skill becomes its key, None filters nothing.

    Raises:
        ValidationError: one is not acceptable.
    """
    names = {name: None if it is None else NAME.of(name, it) for name, it in given.items()}
    return {
        name: skill_key(it) if name == "skill" and it is not None else it
        for name, it in names.items()
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are wanted: by a pattern, filters of the store, and conditions."""

    pattern: Pattern
    where: Where
    filters: dict[str, Any]
    """workflow_id, agent_id, team_id, skill (its key): None filters nothing."""

    @classmethod
    def of(
        cls,
        pattern: str,
        where: str | Sequence[str] | None = None,
        workflow_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        skill: str | None = None,
    ) -> Wanted:
        """Parse them.

        Raises:
            ValidationError: one is not acceptable.
        """
        given = {"workflow_id": workflow_id, "agent_id": agent_id, "team_id": team_id}
        filters = filters_of({**given, "skill": skill})
        return cls(Pattern.of(pattern), Where.of(where), filters)

    @property
    def asked(self) -> dict[str, Any]:
        """The parameters of `events/matching` that the store does not keep."""
        return {
            "types": self.pattern.types,
            "task_type": self.pattern.task_type,
            "task_fields": self.where.task_fields,
        }
