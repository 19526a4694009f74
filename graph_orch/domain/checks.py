"""Checks for single arguments: `NAME.of("agent_id", value)` is the value, or says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Generic, TypeVar, cast

import pydantic
from pydantic import AfterValidator, JsonValue, TypeAdapter

from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import LIVE, ErrorClass, EventType, TaskStatus
from graph_orch.domain.values import (
    Age,
    CommandId,
    Content,
    Count,
    Cursor,
    Json,
    JsonObject,
    LeaseSeconds,
    Limit,
    Listed,
    Milliseconds,
    Name,
    NewName,
    NewSkills,
    Ratio,
    Seconds,
    Skills,
    Slots,
    TaskRef,
    WaitSeconds,
)
from graph_orch.errors import ValidationError

T = TypeVar("T")


def _not_live(status: TaskStatus) -> TaskStatus:
    if status in LIVE:
        raise ValueError(f"{status} is not a status in which a task is finished")
    return status


TOO_DEEP = "a value is nested too deeply"

Finished = Annotated[TaskStatus, AfterValidator(_not_live)]


def checked(what: str, build: Callable[[], T]) -> T:
    """Run `build`, and turn pydantic's complaint into one line that names `what`.

    Raises:
        ValidationError: the arguments are not acceptable.
    """
    try:
        return build()
    except pydantic.ValidationError as error:
        place, message = _first_complaint(error)
        raise ValidationError(
            f"{what}: {'.'.join(map(str, place)) or 'value'}: {message}"
        ) from None
    except RecursionError:
        raise ValidationError(f"{what}: {TOO_DEEP}") from None


def named(what: str, filters: object, known: Collection[str]) -> dict[str, object]:
    """Filters as a caller gave them: a mapping with known names, or nothing.

    Raises:
        ValidationError: they are something else, or a name is unknown.
    """
    if filters is None:
        return {}
    if not isinstance(filters, Mapping):
        raise ValidationError(
            f"{what}: the filters are a {type(filters).__name__} where a mapping is needed, of "
            f"{', '.join(known)}"
        )
    found = cast(Mapping[object, object], filters)
    if unknown := sorted(str(name) for name in found if name not in known):
        raise ValidationError(
            f"{what}: unknown filter {', '.join(unknown)}; known are {', '.join(known)}"
        )
    return {str(name): value for name, value in found.items()}


class Check(Generic[T]):
    """A check for one argument, of a type that pydantic knows."""

    def __init__(self, type_: Any) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(type_)

    def of(self, name: str, value: object) -> T:
        """`value` as the type says it must be.

        Raises:
            ValidationError: it is not acceptable; the message begins with `name`.
        """
        try:
            return self._adapter.validate_python(value)
        except pydantic.ValidationError as error:
            place, message = _first_complaint(error)
            indexes = "".join(f"[{part}]" for part in place if isinstance(part, int))
            raise ValidationError(f"{name}{indexes}: {message}") from None
        except RecursionError:
            raise ValidationError(f"{name}: {TOO_DEEP}") from None


def instance(name: str, kind: type[T], value: object) -> T:
    """A value that must be of a class of ours.

    Raises:
        ValidationError: it is something else.
    """
    if not isinstance(value, kind):
        raise ValidationError(f"{name}: is a {type(value).__name__} and not a {kind.__name__}")
    return value


def instances(name: str, kind: type[T], values: object) -> list[T]:
    """Values that must be of a class of ours; errors as for `instance`."""
    return [instance(name, kind, value) for value in LIST.of(name, values)]


def _first_complaint(error: pydantic.ValidationError) -> tuple[tuple[int | str, ...], str]:
    """Where, and what; never the value itself, which may be secret or huge."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return first["loc"], first["msg"].removeprefix("Value error, ")


AGE: Check[float] = Check(Age)
ATTEMPT: Check[int | None] = Check(Count | None)
COMMAND_ID: Check[str] = Check(CommandId)
CONFIDENCE: Check[float] = Check(Ratio)
CONTENT: Check[str] = Check(Content)
CURSOR: Check[int] = Check(Cursor)
ERROR_CLASS: Check[ErrorClass] = Check(ErrorClass)
EVENT_TYPES: Check[list[EventType]] = Check(Listed[EventType])
FINISHED: Check[list[TaskStatus]] = Check(Listed[Finished])
JSON: Check[object] = Check(Json)
JSON_OBJECT: Check[dict[str, JsonValue]] = Check(JsonObject)
LEASE: Check[float | None] = Check(LeaseSeconds | None)
LIMIT: Check[int] = Check(Limit)
LIST: Check[list[object]] = Check(Listed[object])
MILLISECONDS: Check[float] = Check(Milliseconds)
NAME: Check[str] = Check(Name)
NEW_NAME: Check[str] = Check(NewName)
NEW_NAMES: Check[list[str]] = Check(Listed[NewName])
NEW_SKILLS: Check[tuple[str, ...]] = Check(NewSkills)
NAMES: Check[list[str]] = Check(Listed[Name])
RATIO: Check[float | None] = Check(Ratio | None)
SECONDS: Check[float | None] = Check(Seconds | None)
SKILLS: Check[tuple[str, ...]] = Check(Skills)
SLOTS: Check[int] = Check(Slots)
STATUS: Check[TaskStatus] = Check(TaskStatus)
TASK_ID: Check[str] = Check(TaskRef)
TASK_IDS: Check[list[str]] = Check(Listed[TaskRef])
TEXT: Check[str | None] = Check(Content | None)
WAIT: Check[float] = Check(WaitSeconds)


def command_id_of(given: str | None) -> str:
    """The command id that a caller gave, or a new one."""
    return new_hex() if given is None else COMMAND_ID.of("command_id", given)
