"""What all models share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, overload

from pydantic import BaseModel, ConfigDict

from graph_orch.domain.checks import checked, named

T = TypeVar("T")
C = TypeVar("C")


class Page(Sequence[T], Generic[T, C]):
    """Some items of a longer list, and the cursor from which to read on."""

    def __init__(self, items: Sequence[T], next_cursor: C) -> None:
        self._items = list(items)
        self.next_cursor = next_cursor

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)


_ModelType = type(BaseModel)


class _OurErrors(_ModelType):
    """Calling a model raises our error where pydantic would raise its own.

    Not `__init__`, which pydantic would then call for each model inside another, and type checkers
    would take for the signature of all of them.
    """

    if not TYPE_CHECKING:

        def __call__(cls, *args, **fields):
            return checked(cls.__name__, lambda: super(_OurErrors, cls).__call__(*args, **fields))


class Model(BaseModel, metaclass=_OurErrors):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """As pydantic's, with our error.

        Raises:
            ValidationError: a value is not acceptable.
        """
        return checked(cls.__name__, lambda: super(Model, cls).model_validate(obj, **how))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **how: Any) -> Self:
        """As pydantic's, with our error.

        Raises:
            ValidationError: a value is not acceptable, or the text is not JSON.
        """
        return checked(
            cls.__name__, lambda: super(Model, cls).model_validate_json(json_data, **how)
        )

    @classmethod
    def parsed(cls, what: str, given: object) -> Self:
        """From what a caller gave.

        Raises:
            ValidationError: a value is not acceptable; the message begins with `what`.
        """
        return checked(what, lambda: super(Model, cls).model_validate(given))

    @classmethod
    def stored(cls, values: dict[str, Any]) -> Self:
        """From the values of all fields, in their order, which were checked when they were stored.

        As `model_construct`, which looks for what is missing, and takes three times as long.
        """
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_fields_set__", set(values))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


class Filters(Model):
    """What is selected. Each filter names one value or several; nothing selects all."""

    asked: ClassVar[str]
    """Who asks, in errors."""

    @classmethod
    def of(cls, filters: Self | Mapping[str, object] | None) -> Self:
        """From what a caller gave.

        Raises:
            ValidationError: a filter is unknown or its value is not acceptable.
        """
        if isinstance(filters, cls):
            return filters
        given = named(cls.asked, filters, cls.model_fields)
        return cls.parsed(cls.asked, given)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def some_moment(value: Any) -> datetime:
    """A time from the graph: microseconds since 1970, or the driver's own kind of time."""
    if isinstance(value, int):
        return EPOCH + timedelta(microseconds=value)
    return value.to_native().astimezone(UTC)


def moment(value: Any) -> datetime | None:
    return None if value is None else some_moment(value)
