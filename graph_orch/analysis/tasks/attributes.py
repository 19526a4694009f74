"""What a task or an agent of a graph says, checked: graphs may come from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from numbers import Integral, Real
from typing import Annotated, Any, cast

from pydantic import Field

from graph_orch.domain.checks import Check
from graph_orch.errors import ValidationError

LIMITS: Check[dict[str, int]] = Check(dict[str, Annotated[int, Field(ge=0)]])


def moment(what: str, value: object) -> datetime | None:
    """A time; None where there is none.

    Raises:
        ValidationError: it is no datetime, or has no time zone.
    """
    if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    raise ValidationError(f"{what} is {shown(value)}; give a datetime with a time zone")


def whole(what: str, value: object) -> int:
    """A whole number of at least 0.

    Raises:
        ValidationError: it is none.
    """
    if isinstance(value, Integral) and value is not True and (found := int(value)) >= 0:
        return found
    raise ValidationError(f"{what} is {shown(value)}; give a whole number of at least 0")


def span(what: str, value: object) -> float:
    """A number of seconds, of at least 0 and not beyond what a datetime can hold.

    Raises:
        ValidationError: it is none.
    """
    if isinstance(value, Real) and value is not True and 0 <= (found := float(value)) <= LONGEST:
        return found
    raise ValidationError(f"{what} is {shown(value)}; give seconds, from 0 to {LONGEST:g}")


LONGEST = 1e10


def text(what: str, value: object) -> str | None:
    """A text; None where there is none.

    Raises:
        ValidationError: it is none.
    """
    if value is None or isinstance(value, str):
        return value
    raise ValidationError(f"{what} is {shown(value)}; give a text")


def names(what: str, value: object) -> tuple[str, ...]:
    """Texts; () where there is None.

    Raises:
        ValidationError: these are none.
    """
    if value is None:
        return ()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        several = tuple(cast(Iterable[object], value))
        if all(isinstance(name, str) for name in several):
            return cast(tuple[str, ...], several)
    raise ValidationError(f"{what} are {shown(cast(object, value))}, and not a list of names")


def excluded_from(key: object, one: Mapping[str, Any]) -> frozenset[Any]:
    """The ids of the agents that may not do a task.

    Raises:
        ValidationError: they are no list of ids.
    """
    given: Any = one.get("excluded_agents")
    try:
        if not isinstance(given, str | bytes):
            return frozenset[Any](() if given is None else given)
    except TypeError:
        pass
    what = f"the excluded_agents of task {shown(key)}"
    raise ValidationError(f"{what} are {shown(given)}, and not a list of ids")


def shown(value: object) -> str:
    """A value, as an error shows it: not too long."""
    return repr(value)[:100]
