"""Handlers: what can be one, and how each kind is called."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from graph_orch.errors import ValidationError, describe

T = TypeVar("T")
MOST_LAYERS = 50


def refuse_unusable(name: str, handler: object, *, takes_input: bool = False) -> None:
    """Raise unless something can be the handler of a task type.

    Raises:
        ValidationError: it cannot be called with a context, or is a generator function.
    """
    if not callable(handler):
        raise ValidationError(
            f"the handler of {name!r} is a {type(handler).__name__}, which cannot be called; "
            "decorate a function of one argument, the context"
        )
    core = _core(handler)
    if inspect.isgeneratorfunction(core) or inspect.isasyncgenfunction(core):
        raise ValidationError(
            f"the handler of {name!r} is a generator function, and would not run; return the "
            "result instead of yielding it"
        )
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):  # nothing is known of it, as of some built-in functions
        return
    try:
        signature.bind(*([None, None] if takes_input else [None]))
    except TypeError as error:
        what = "one argument, the context"
        if takes_input:
            what = "two arguments, the context and its input"
        raise ValidationError(
            f"the handler of {name!r} is called with {what}, and cannot be: {error}"
        ) from error


def is_coroutine_function(handler: Callable[..., Any]) -> bool:
    """Whether a handler is known to give a coroutine before it is called."""
    return inspect.iscoroutinefunction(_core(handler))


def _core(handler: Any) -> Any:
    """The function that a partial or an object with `__call__` calls.

    Not that of a decorator: whether its wrapper gives a coroutine is seen when it is called.
    """
    for _ in range(MOST_LAYERS):
        if isinstance(handler, functools.partial):
            handler = cast("functools.partial[Any]", handler).func
        elif (
            inspect.isroutine(handler)
            or inspect.isclass(handler)
            or inspect.iscoroutinefunction(handler)  # an object that says so, as a mock does
        ):
            break
        else:
            handler = type(handler).__call__
    return handler


async def in_thread(function: Callable[[Any], T], context: object) -> T | Awaitable[T]:
    """Run a plain function in a thread that does not keep the process from ending.

    What it raises is raised here, whatever it is, but that a StopIteration is a RuntimeError.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if not ended.done():
            ended.set_result((value, error))

    def run() -> None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = function(context), None
        except StopIteration as raised:  # no coroutine may raise it
            outcome = None, RuntimeError(describe(raised))
        except BaseException as raised:  # handed on to whoever waits
            outcome = None, raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(settle, *outcome)

    seen = contextvars.copy_context()  # what the caller has set, its thread sees too
    target = functools.partial(seen.run, run)
    threading.Thread(target=target, name="graph-orch-handler", daemon=True).start()
    value, error = await ended
    if error is not None:
        raise error
    return value
