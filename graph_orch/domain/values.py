"""What values may be: types that pydantic checks, and the forms in which they are compared."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, TypeVar, cast
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
)

from graph_orch.domain.characters import named, unseen_in

T = TypeVar("T")

MAX_BYTES = 1_000_000
"""The most that content, or the JSON of result, metadata or metrics, may take as UTF-8 text."""
MAX_NAME = 200
MOST_TOLD = 20_000
"""Characters that are kept of an error or a reason: each event and each try holds one."""
MAX_DEPENDENCIES = 10_000
MAX_GATES = 100
OWN_KEYS = ("schedule:", "a2a:")
"""How the idempotency keys of tasks begin that are made for a tick of a schedule, or a message."""
SMALL_TEXT = 20_000
"""Characters up to which what a call brings may share a transaction with others."""
MAX_BATCH = 10_000
MAX_BATCH_BYTES = 32_000_000
MAX_SKILLS = 1_000
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


def shortened(text: str, most: int = MOST_TOLD) -> str:
    """Text without its middle where it is too long: the end of an error says most."""
    if len(text) <= most:
        return text
    head = most // 4
    return f"{text[:head]}\n… {len(text) - most:,} characters left out …\n{text[head - most :]}"


def skill_key(name: str) -> str:
    """The form in which a skill's name is compared: trimmed, case-folded, composed (NFC).

    It is folded decomposed, as Unicode's canonical caseless matching says (D145): some characters
    fold otherwise when they are composed.
    """
    folded = unicodedata.normalize("NFD", name.strip()).casefold()
    return unicodedata.normalize("NFC", folded)


def lane_key(keys: Sequence[str], concurrency_key: str | None = None) -> str:
    """The key of the lane for a set of skill keys: a hash, since a set has no size limit.

    Tasks whose number is limited by a concurrency key have lanes of their own.
    """
    return _lane_key(tuple(keys), concurrency_key)


@lru_cache(10_000)
def _lane_key(keys: tuple[str, ...], concurrency_key: str | None) -> str:
    of: list[object] = [*sorted(set(keys))]
    if concurrency_key is not None:
        of.append({"concurrency_key": concurrency_key})
    return hashlib.sha256(dump_json(of).encode()).hexdigest()[:32]


_COMPACT = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def dump_json(value: object) -> str:
    """Compact JSON text in which equal values have equal texts."""
    return _COMPACT.encode(value)


def load_json(text: str | None) -> JsonValue:
    """The value of a JSON text from the graph; None stays None."""
    return None if text is None else json.loads(text)
