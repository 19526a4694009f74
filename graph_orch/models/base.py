"""What all models share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
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


def some_moment(value: Any) -> datetime:
    moment = value.to_native()
    return moment.astimezone(UTC)


def moment(value: Any) -> datetime | None:
    return None if value is None else some_moment(value)
