"""What all models share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from pydantic import BaseModel, ConfigDict

from graph_orch.checks import checked, named

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


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

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
        return checked(cls.asked, lambda: cls.model_validate(given))


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def some_moment(value: Any) -> datetime:
    """A time from the graph: microseconds since 1970, or the driver's own kind of time."""
    if isinstance(value, int):
        return EPOCH + timedelta(microseconds=value)
    return value.to_native().astimezone(UTC)


def moment(value: Any) -> datetime | None:
    return None if value is None else some_moment(value)
