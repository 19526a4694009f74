"""What a value may be, in the arguments and in the graphs that analysis is given.

Every check takes what the value is, for the message, and the value; and gives it back as the type
that is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from math import isfinite
from operator import index
from typing import Any, TypeVar, cast

from graph_orch.errors import ValidationError

E = TypeVar("E", bound=StrEnum)

LONGEST_SECONDS = 1e12
"""Times and durations up to here (31,700 years) are taken: no sum of them overflows."""
WHOLE = 2**31 - 1


def shown(value: object) -> str:
    """A value, as an error shows it: not too long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def number(what: str, value: object, least: float = 0.0, most: float = LONGEST_SECONDS) -> float:
    """A number in a range, as a float; numbers of NumPy count, True and False do not.

    Raises:
        ValidationError: it is none.
    """
    try:
        found = float("nan") if isinstance(value, bool | str) else float(cast(Any, value))
    except (TypeError, ValueError, OverflowError):
        found = float("nan")
    if not (isfinite(found) and least <= found <= most):
        raise ValidationError(f"{what} is {shown(value)}; give a number from {least:g} to {most:g}")
    return found


def whole(what: str, value: object, least: int = 0, most: int = WHOLE) -> int:
    """A whole number in a range; those of NumPy count, True and False do not.

    Raises:
        ValidationError: it is none.
    """
    try:
        found = None if isinstance(value, bool) else index(cast(Any, value))
    except TypeError:
        found = None
    if found is not None and least <= found <= most:
        return found
    raise ValidationError(f"{what} is {shown(value)}; give a whole number from {least} to {most}")


def moment(what: str, value: object) -> datetime:
    """An aware datetime.

    Raises:
        ValidationError: it is none.
    """
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    raise ValidationError(f"{what} is {shown(value)}; give a datetime with a time zone")


def text(what: str, value: object) -> str:
    """A text.

    Raises:
        ValidationError: it is none.
    """
    if isinstance(value, str):
        return value
    raise ValidationError(f"{what} is {shown(value)}; give a text")


def texts(what: str, value: object) -> tuple[str, ...]:
    """Texts, such as the names of skills.

    Raises:
        ValidationError: they are no list of texts.
    """
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        several = tuple(cast(Iterable[object], value))
        if all(isinstance(one, str) for one in several):
            return cast(tuple[str, ...], several)
    raise ValidationError(f"{what} is {shown(cast(object, value))}; give a list of names")


def node(what: str, value: object) -> Any:
    """What can be a node of a graph, or the key of a mapping.

    Raises:
        ValidationError: it has no hash.
    """
    try:
        hash(value)
    except TypeError:
        raise ValidationError(
            f"{what} is {shown(value)}, which is not hashable; give a name"
        ) from None
    return value


def several(what: str, value: object) -> tuple[Any, ...]:
    """What is in a list, or in anything that can be gone through, but a text.

    Raises:
        ValidationError: it is none.
    """
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return tuple(cast(Iterable[Any], value))
    raise ValidationError(f"{what} is {shown(value)}; give a list")


def nodes(what: str, value: object) -> tuple[Any, ...]:
    """What can be nodes of a graph, or keys of a mapping, each once.

    Raises:
        ValidationError: this is no list of them.
    """
    return tuple(dict.fromkeys(node(what, one) for one in several(what, value)))


def member(what: str, value: object, kind: type[E]) -> E:
    """A member of an enumeration.

    Raises:
        ValidationError: it is none.
    """
    try:
        return kind(cast(str, value))
    except (ValueError, TypeError):
        known = ", ".join(kind)
        raise ValidationError(f"{what} is {shown(value)}, which is not one of {known}") from None


def one_of(what: str, value: object, known: Iterable[str]) -> None:
    """See that a value is one of some words.

    Raises:
        ValidationError: it is not.
    """
    if not isinstance(value, str) or value not in known:
        raise ValidationError(f"{what} is {shown(value)}, which is not one of {', '.join(known)}")
