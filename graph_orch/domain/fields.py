"""What a value may be: types that pydantic checks, and a check for a single argument of each.

`NAME.of("agent_id", value)` is the value as its type has it, or an error that begins with the name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar, cast
from uuid import UUID

import pydantic
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
)

from graph_orch.domain.characters import named, unseen_in
from graph_orch.domain.forms import dump_json, skill_key
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import LIVE, ErrorClass, EventType, TaskStatus
from graph_orch.errors import ValidationError

T = TypeVar("T")

MAX_BYTES = 1_000_000
"""The most that content, or the JSON of result, metadata or metrics, may take as UTF-8 text."""
MAX_NAME = 200
MAX_DEPENDENCIES = 10_000
MAX_GATES = 100
MAX_INDEPENDENT = 100
RELATIONS = ("dependencies", "ancestors")
"""What a task may be independent of without naming it: what it depends on, at once or at all."""
OWN_KEYS = ("schedule:", "a2a:", "trigger:", "message:")
"""How the idempotency keys of tasks begin that a schedule, a message or a trigger makes."""
SMALL_TEXT = 20_000
"""Characters up to which what a call brings may share a transaction with others."""
MAX_BATCH = 10_000
MAX_BATCH_BYTES = 32_000_000
MAX_SKILLS = 1_000
MAX_LABELS = 100
MAX_INT = 2**31 - 1
_OWN_COMMAND = re.compile(r"[0-9a-f]{32}([cs]|:.*)", re.DOTALL)


def _storable(text: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise ValueError("holds half of a surrogate pair, which UTF-8 cannot store") from error
    if size > MAX_BYTES:
        raise ValueError(f"takes {size:,} bytes, and the limit is {MAX_BYTES:,}")
    return text


def _json_sized(value: T) -> T:
    _storable(dump_json(value))
    return value


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside of the years 1 to 9999, in UTC") from error


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Without repeats (compared by `skill_key`), in the order given."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(skill_key(name), name)
    return tuple(first.values())


def _not_one_string(value: object) -> object:
    if isinstance(value, str):
        raise ValueError("is one string where a list of them is needed")
    return value


def _listed(value: object) -> object:
    """Any iterable as a list, but for those that are not meant so."""
    _not_one_string(value)
    if not _is_listable(value):
        raise ValueError(f"is a {type(value).__name__} where a list is needed")
    return list(cast(Iterable[object], value))


def _is_listable(value: object) -> bool:
    return not isinstance(value, bytes | Mapping) and isinstance(value, Iterable)


def _mapped(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError(f"is a {type(value).__name__} where a mapping of names to JSON is needed")
    return dict(cast(Mapping[object, object], value))


def _once(values: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


def _as_tuple(value: object) -> object:
    if value is None:
        return ()
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(cast(Iterable[object], value))
    return (value,)


def _marker_alone(values: tuple[str, ...]) -> tuple[str, ...]:
    """Ids of tasks, or one of RELATIONS by itself."""
    if len(values) > 1 and (marker := next((it for it in RELATIONS if it in values), None)):
        raise ValueError(f"names {marker!r} and others: give that alone, or ids of tasks")
    return values


def _named(name: str) -> str:
    """A name in its one form; see `Name`."""
    found = unicodedata.normalize("NFC", name).strip()
    if not any(map(_is_visible, found)):
        raise ValueError("is empty, or holds only characters that cannot be seen")
    return found


def _seen(name: str) -> str:
    """A name of which every character can be seen; see `NewName`."""
    if hidden := unseen_in(name):
        raise ValueError(
            f"holds {named(hidden)}, which cannot be seen, or looks like another character"
        )
    return name


def _of_clients(key: str) -> str:
    for prefix in OWN_KEYS:
        if key.startswith(prefix):
            raise ValueError(
                f"begins with {prefix!r}, as only keys that graph_orch makes itself do; use another"
            )
    return key


def _of_commands(command_id: str) -> str:
    """A command id that is not one of those that are made of task ids and other command ids."""
    if _OWN_COMMAND.fullmatch(command_id):
        raise ValueError(
            "is 32 hexadecimal digits and then 'c', 's' or ':', as only ids are that graph_orch "
            "makes itself of the ids of tasks and commands; use another"
        )
    return command_id


def _is_visible(character: str) -> bool:
    """Whether a character can be seen by itself. Marks cannot, as they need one to stand on."""
    return unicodedata.category(character)[0] not in "CZM" and not unseen_in(character)


def _canonical_uuid(value: object) -> str:
    return str(value if isinstance(value, UUID) else UUID(str(value).strip()))


def _canonical_if_uuid(value: str) -> str:
    try:
        return _canonical_uuid(value)
    except ValueError:
        return value


Name = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_storable),
    AfterValidator(_named),
    Field(max_length=MAX_NAME),
]
"""What people call something by: an id, a type, a key. It is compared as it stands, so that the two
ways in which Unicode writes one text, with composed characters or not, must become one (NFC)."""
NewName = Annotated[Name, AfterValidator(_seen)]
"""A name that is given to something. No two such names differ by what cannot be seen; what is
stored under older names is still found by them, since `Name` asks for it."""
TaskId = Annotated[
    str, BeforeValidator(_canonical_uuid), Field(json_schema_extra={"format": "uuid"})
]
"""The id of a task to be created: a UUID."""
TaskRef = Annotated[Name, AfterValidator(_canonical_if_uuid)]
"""The id of a task that may exist: what is no UUID is simply not found."""
Content = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_storable),
    Field(json_schema_extra={"maxLength": MAX_BYTES}),
]
Json = Annotated[JsonValue, AfterValidator(_json_sized)]
JsonObject = Annotated[dict[str, JsonValue], BeforeValidator(_mapped), AfterValidator(_json_sized)]
Skills = Annotated[
    tuple[Name, ...],
    Field(max_length=MAX_SKILLS),
    BeforeValidator(_not_one_string),
    AfterValidator(_unique),
]
NewSkills = Annotated[Skills, AfterValidator(lambda names: tuple(map(_seen, names)))]
Labels = Annotated[
    tuple[NewName, ...],
    Field(max_length=MAX_LABELS),
    BeforeValidator(_not_one_string),
    AfterValidator(_once),
]
"""What an agent is besides what it can: such as "region=eu". They are compared as they stand."""
Weight = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.001, le=1_000, allow_inf_nan=False)]
"""A share's weight. The bounds keep the sums of its inverse exact enough for a billion tasks."""
Preferred = Annotated[dict[NewName, Weight], Field(max_length=MAX_LABELS), BeforeValidator(_mapped)]
"""Labels that are liked, each with its weight: for how many seconds of waiting it counts."""
Key = Annotated[NewName, AfterValidator(_of_clients)]
"""An idempotency key as callers give it."""
CommandId = Annotated[NewName, AfterValidator(_of_commands)]
Dependencies = Annotated[
    tuple[TaskRef, ...],
    Field(max_length=MAX_DEPENDENCIES),
    BeforeValidator(_not_one_string),
    AfterValidator(lambda ids: tuple(dict.fromkeys(ids))),
]
Gates = Annotated[
    tuple[Name, ...],
    Field(max_length=MAX_GATES),
    BeforeValidator(_not_one_string),
    AfterValidator(_once),
]
Independent = Annotated[
    tuple[TaskRef, ...],
    Field(max_length=MAX_INDEPENDENT),
    BeforeValidator(_as_tuple),
    AfterValidator(_marker_alone),
    AfterValidator(_once),
]
"""What a task is to be independent of: ids of tasks, or "dependencies", or "ancestors"."""
Listed = Annotated[list[T], BeforeValidator(_listed)]
OneOrMore = Annotated[
    tuple[T, ...], Field(max_length=MAX_BATCH), BeforeValidator(_as_tuple), AfterValidator(_once)
]
"""Each once: what is asked for twice is not found twice."""
Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
Count = Annotated[int, Field(strict=True, ge=0, le=MAX_INT)]
Cursor = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]
Limit = Annotated[int, Field(strict=True, ge=1, le=MAX_BATCH)]
Retries = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Slots = Annotated[int, Field(strict=True, ge=1, le=MAX_INT)]
Milliseconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
"""Up to 31 years, so that sums of them never overflow."""
LeaseSeconds = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]
WaitSeconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Deadline = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Age = Annotated[float, Field(ge=0, le=3_153_600_000, allow_inf_nan=False)]
Resolution = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Modularity = Annotated[float, Field(allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=0, le=1)]


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
        place, message = complaints(error)[0]
        raise ValidationError(
            f"{what}: {'.'.join(map(str, place)) or 'value'}: {message}"
        ) from None
    except RecursionError:
        raise ValidationError(f"{what}: {TOO_DEEP}") from None


def named_filters(what: str, filters: object, known: Collection[str]) -> dict[str, object]:
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
            place, message = complaints(error)[0]
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


def complaints(error: pydantic.ValidationError) -> list[tuple[tuple[int | str, ...], str]]:
    """Of each: where, and what; never the value itself, which may be secret or huge."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [(it["loc"], it["msg"].removeprefix("Value error, ")) for it in found]


AGE: Check[float] = Check(Age)
ATTEMPT: Check[int | None] = Check(Count | None)
COMMAND_ID: Check[str] = Check(CommandId)
CONFIDENCE: Check[float] = Check(Ratio)
CONTENT: Check[str] = Check(Content)
CURSOR: Check[int] = Check(Cursor)
CONDITIONS: Check[list[str]] = Check(
    Annotated[Listed[Annotated[str, StringConstraints(max_length=1_000)]], Field(max_length=20)]
)
ERROR_CLASS: Check[ErrorClass] = Check(ErrorClass)
EVENT_TYPES: Check[list[EventType]] = Check(Listed[EventType])
FINISHED: Check[list[TaskStatus]] = Check(Listed[Finished])
JSON: Check[object] = Check(Json)
JSON_OBJECT: Check[dict[str, JsonValue]] = Check(JsonObject)
LABELS: Check[tuple[str, ...]] = Check(Labels)
LEASE: Check[float | None] = Check(LeaseSeconds | None)
LIMIT: Check[int] = Check(Limit)
LIST: Check[list[object]] = Check(Listed[object])
MILLISECONDS: Check[float] = Check(Milliseconds)
MOMENT: Check[datetime] = Check(Moment)
NAME: Check[str] = Check(Name)
NEW_NAME: Check[str] = Check(NewName)
NEW_NAMES: Check[list[str]] = Check(Listed[NewName])
NEW_SKILLS: Check[tuple[str, ...]] = Check(NewSkills)
NAMES: Check[list[str]] = Check(Listed[Name])
RATIO: Check[float | None] = Check(Ratio | None)
SCORE: Check[float] = Check(Ratio)
SECONDS: Check[float | None] = Check(Seconds | None)
SKILLS: Check[tuple[str, ...]] = Check(Skills)
SLOTS: Check[int] = Check(Slots)
STATUS: Check[TaskStatus] = Check(TaskStatus)
TASK_ID: Check[str] = Check(TaskRef)
TASK_IDS: Check[list[str]] = Check(Listed[TaskRef])
TEXT: Check[str | None] = Check(Content | None)
WAIT: Check[float] = Check(WaitSeconds)
SHARE: Check[float] = Check(Share)


def command_id_of(given: str | None) -> str:
    """The command id that a caller gave, or a new one."""
    return new_hex() if given is None else COMMAND_ID.of("command_id", given)
