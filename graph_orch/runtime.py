"""The few things that are not the same with and without `await`.

Each stands here twice, under a name for the asynchronous code and under the name that the
generated synchronous code has for it (see scripts/generate_sync.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Annotated, Generic, ParamSpec, Protocol, TypeAlias, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class _AsyncClosable(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=_AsyncClosable)


class AsyncOpening(Generic[C]):
    """What `AsyncOrchestrator.connect()` returns: to be awaited, or entered by `async with`."""

    def __init__(self, open_: Callable[[], Awaitable[C]]) -> None:
        self._open = open_
        self._opened: C | None = None

    def __await__(self) -> Generator[object, None, C]:
        return self._open().__await__()

    async def __aenter__(self) -> C:
        self._opened = await self._open()
        return self._opened

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._opened is not None:
            await self._opened.close()


async_opening = AsyncOpening


def opening(open_: Callable[[], R]) -> R:
    """Without `await` there is nothing to wait for: open at once."""
    return open_()


async def async_in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking function without blocking the event loop."""
    return await asyncio.to_thread(function, *args, **kwargs)


def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking function."""
    return function(*args, **kwargs)


async_sleep = asyncio.sleep
sleep = time.sleep

AsyncOpened = AsyncOpening
Opened: TypeAlias = Annotated[R, "at once"]

AsyncResult = Awaitable
Result: TypeAlias = Annotated[R, "at once"]
