"""What all models share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar, overload

from pydantic import BaseModel, ConfigDict

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


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def some_moment(value: Any) -> datetime:
    """A time from the graph: microseconds since 1970, or the driver's own kind of time."""
    if isinstance(value, int):
        return EPOCH + timedelta(microseconds=value)
    return value.to_native().astimezone(UTC)


def moment(value: Any) -> datetime | None:
    return None if value is None else some_moment(value)
