"""The functions of this process that triggers may call, by name."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from pydantic import JsonValue

from graph_orch.errors import TriggerCallError, describe

F = TypeVar("F", bound=Callable[[dict[str, JsonValue]], Any])
FUNCTIONS: dict[str, Callable[[dict[str, JsonValue]], Any]] = {}
"""Of the process and not of a graph: its workers have connections of their own."""

_calls: dict[str, set[JsonValue]] = {}
"""By function, the keys of the firings for which it is being called."""


def register(name: str) -> Callable[[F], F]:
    """A decorator that gives a function a name; the last one of a name counts."""

    def add(function: F) -> F:
        FUNCTIONS[name] = function
        return function

    return add


def free() -> list[str]:
    """The functions that are not being called: a thread in which one hangs cannot be ended, and
    this process calls it no more until it returns."""
    # A copy, as other threads may register functions meanwhile.
    return sorted(name for name in list(FUNCTIONS) if not _calls.get(name))


def call(name: str, given: dict[str, JsonValue]) -> None:
    """Call a function, in a thread; one that is a coroutine has a loop of its own there.

    Raises:
        TriggerCallError: it raised.
    """
    calls = _calls.setdefault(name, set())
    calls.add(given["key"])
    try:
        found = FUNCTIONS[name](given)
        if inspect.iscoroutine(found):
            asyncio.run(cast("Coroutine[Any, Any, Any]", found))
    # The function is not ours, and may raise anything, such as SystemExit. No signal reaches its
    # thread, so that a KeyboardInterrupt is its own too, and must not end the loop that waits.
    except BaseException as error:
        raise TriggerCallError(f"{name}: {describe(error)}") from error
    finally:
        calls.discard(given["key"])
