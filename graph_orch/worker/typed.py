"""Handlers whose input and output have types, which pydantic checks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pydantic
from pydantic import JsonValue, TypeAdapter

from graph_orch.domain.lifecycle import ErrorClass
from graph_orch.errors import ValidationError, describe
from graph_orch.worker.failures import TaskFailure
from graph_orch.worker.handlers import is_coroutine_function
from graph_orch.worker.results import UnstorableResult

MOST_FIELDS = 20
"""How many of the fields that do not fit are named."""


class InputMismatch(TaskFailure):
    """The content of a task does not fit the type that its handler takes, for good."""

    error_class = ErrorClass.PERMANENT


@dataclass(frozen=True)
class Types:
    """What a handler takes and gives; None: whatever."""

    takes: TypeAdapter[Any] | None
    gives: TypeAdapter[Any] | None
    names: tuple[str, str]

    @classmethod
    def of(cls, takes: object, gives: object) -> Types:
        """The types that pydantic makes of what a decorator is given.

        Raises:
            ValidationError: pydantic cannot check one of them.
        """

        def adapter(what: str, given: Any) -> TypeAdapter[Any] | None:
            try:
                return None if given is None else TypeAdapter(given)
            except Exception as error:  # whatever a class says of itself while it is read
                raise ValidationError(f"{what}: no type for pydantic: {describe(error)}") from error

        names = (getattr(takes, "__name__", str(takes)), getattr(gives, "__name__", str(gives)))
        return cls(adapter("input", takes), adapter("output", gives), names)

    def schemas(self) -> dict[str, JsonValue]:
        """The JSON schemas of the content and of the result, of those that have a type."""
        found: dict[str, JsonValue] = {}
        if self.takes is not None:
            found["input"] = cast(JsonValue, self.takes.json_schema())
        if self.gives is not None:
            found["output"] = cast(JsonValue, self.gives.json_schema(mode="serialization"))
        return found

    def wrap(self, handler: Callable[..., Any]) -> Callable[[Any], Any]:
        """A handler that takes a context only, and checks what the other takes and gives."""
        if is_coroutine_function(handler):

            @functools.wraps(handler)
            async def coroutine(ctx: Any) -> object:
                return self._given(await handler(*self._taken(ctx)))

            return coroutine

        @functools.wraps(handler)
        def plain(ctx: Any) -> object:
            given = handler(*self._taken(ctx))
            return self._later(given) if inspect.isawaitable(given) else self._given(given)

        return plain

    def _taken(self, ctx: Any) -> tuple[Any, ...]:
        if self.takes is None:
            return (ctx,)
        try:
            return ctx, self.takes.validate_json(ctx.task.content)
        except pydantic.ValidationError as error:
            raise InputMismatch(
                f"the content does not fit {self.names[0]}: {_fields(error)}"
            ) from error

    async def _later(self, given: Awaitable[object]) -> object:
        return self._given(await given)

    def _given(self, value: object) -> object:
        if self.gives is None:
            return value
        try:
            checked = self.gives.validate_python(value)
        except pydantic.ValidationError as error:
            why = f"the result does not fit {self.names[1]}: {_fields(error)}"
            raise UnstorableResult(why, value) from error
        return self.gives.dump_python(checked, mode="json")


def inputs_of(found: Mapping[str, JsonValue], types: Any) -> dict[str, Any]:
    """The results of dependencies as their types; see `Context.inputs`.

    Raises:
        InputMismatch: One does not fit.
        ValidationError: pydantic cannot check a type, or there is no dependency of a name.
    """
    if types is None:
        return dict(found)
    wanted = dict.fromkeys(found, types)
    if isinstance(types, Mapping):
        wanted = dict(cast(Mapping[str, Any], types))
    if unknown := sorted(wanted.keys() - found.keys()):
        raise ValidationError(
            f"inputs: no dependency is called {', '.join(map(repr, unknown))}; there are "
            f"{', '.join(map(repr, sorted(found))) or 'none'}"
        )
    given: dict[str, Any] = dict(found)
    for name, kind in wanted.items():
        checks = Types.of(kind, None)
        try:
            given[name] = cast(TypeAdapter[Any], checks.takes).validate_python(found[name])
        except pydantic.ValidationError as error:
            raise InputMismatch(
                f"the result of {name!r} does not fit {checks.names[0]}: {_fields(error)}"
            ) from error
    return given


def _fields(error: pydantic.ValidationError) -> str:
    """What does not fit, field by field, without the values."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [
        f"{'.'.join(map(str, it['loc'])) + ': ' if it['loc'] else ''}{it['msg']}"
        for it in found[:MOST_FIELDS]
    ]
    more = [f"and {len(found) - MOST_FIELDS} more"] if len(found) > MOST_FIELDS else []
    return "; ".join([*told, *more])
