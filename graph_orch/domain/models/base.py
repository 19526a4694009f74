"""The base classes of all models, and how the graph's values become theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, get_args, overload

from pydantic import BaseModel, ConfigDict, JsonValue

from graph_orch.domain.fields import checked, named_filters
from graph_orch.domain.forms import load_json

T = TypeVar("T")
C = TypeVar("C")


class Page(Sequence[T], Generic[T, C]):
    """Some items of a longer list, and the cursor with which the next page begins."""

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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} items, next_cursor={self.next_cursor!r})"

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)


_ModelType = type(BaseModel)


class _OurErrors(_ModelType):
    """Makes the call of a model raise our ValidationError instead of pydantic's.

    An `__init__` in `Model` would not do: pydantic would call it for each model inside another,
    and type checkers would take its signature for that of all models.
    """

    if not TYPE_CHECKING:

        def __call__(cls, *args, **fields):
            return checked(cls.__name__, lambda: super(_OurErrors, cls).__call__(*args, **fields))


class Model(BaseModel, metaclass=_OurErrors):
    """The base of all models: frozen, without unknown fields, and with errors of this package."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """As pydantic's, with our error.

        Raises:
            ValidationError: A value is not acceptable.
        """
        return checked(cls.__name__, lambda: super(Model, cls).model_validate(obj, **how))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **how: Any) -> Self:
        """As pydantic's, with our error.

        Raises:
            ValidationError: A value is not acceptable, or the text is not JSON.
        """
        return checked(
            cls.__name__, lambda: super(Model, cls).model_validate_json(json_data, **how)
        )

    @classmethod
    def parsed(cls, what: str, given: object) -> Self:
        """Validate what a caller gave, such as a mapping of the fields.

        Raises:
            ValidationError: A value is not acceptable; the message begins with `what`.
        """
        return checked(what, lambda: super(Model, cls).model_validate(given))

    @classmethod
    def stored(cls, values: dict[str, Any]) -> Self:
        """Build a model without validation, from the values of all fields in their order.

        The values were validated when they were stored. `model_construct` does the same, but also
        looks for missing fields, and takes three times as long.
        """
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_fields_set__", set(values))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made

    @classmethod
    def decoded(cls, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The values of all fields, in their order, from the properties of a node or an edge.

        Times, enums and JSON texts are converted. A field without a property has its default, or
        None.
        """
        values: dict[str, Any] = {}
        for name, decode, default in _decoders(cls):  # pyright: ignore[reportArgumentType]
            value = properties.get(name)
            values[name] = default if value is None else decode(value) if decode else value
        return values


class Filters(Model):
    """What is selected. Each filter names one value or several; no filter selects all."""

    method: ClassVar[str]
    """The method that error messages name."""

    @classmethod
    def of(cls, filters: Self | Mapping[str, object] | None) -> Self:
        """Validate filters as a caller gave them: this class, a mapping, or None for no filter.

        Raises:
            ValidationError: A filter is unknown, or its value is not acceptable.
        """
        if isinstance(filters, cls):
            return filters
        return cls.parsed(cls.method, named_filters(cls.method, filters, cls.model_fields))


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def some_moment(value: int | datetime) -> datetime:
    """A time from the graph, in UTC, where most times are microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value) if isinstance(value, int) else value


def moment(value: int | datetime | None) -> datetime | None:
    """As `some_moment`; None stays None."""
    return None if value is None else some_moment(value)


@cache
def _decoders(model: type[Model]) -> list[tuple[str, Callable[[Any], Any] | None, Any]]:
    """For each field of a model: its name, what decodes its stored value, its default."""

    def decoder(annotation: Any) -> Callable[[Any], Any] | None:
        if annotation is datetime or datetime in get_args(annotation):
            return some_moment
        if annotation is JsonValue:
            return load_json
        for kind in (annotation, *get_args(annotation)):
            if isinstance(kind, type) and issubclass(kind, StrEnum):
                return {member.value: member for member in kind}.__getitem__
        return None

    return [
        (name, decoder(field.annotation), None if field.is_required() else field.default)
        for name, field in model.model_fields.items()
    ]
