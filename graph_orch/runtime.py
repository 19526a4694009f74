"""The few things that are not the same with and without `await`.

Each stands here twice, under a name for the asynchronous code and under the name that the
generated synchronous code has for it (see scripts/generate_sync.py).
"""

from __future__ import annotations

import asyncio
import threading
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


class AsyncSignal:
    """Wakes whoever waits for work in this event loop. `seen` is what was told before looking."""

    def __init__(self) -> None:
        self.seen = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def tell(self) -> None:
        """There may be work."""
        self.seen += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def wait(self, seen: int, seconds: float) -> None:
        """Return when something was told after `seen`, or when the time is up."""
        if self.seen != seen:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            pass
        finally:
            self._waiters.discard(waiter)


class Signal:
    """Wakes whoever waits for work in this process. `seen` is what was told before looking."""

    def __init__(self) -> None:
        self.seen = 0
        self._condition = threading.Condition()

    def tell(self) -> None:
        """There may be work."""
        with self._condition:
            self.seen += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Return when something was told after `seen`, or when the time is up."""
        with self._condition:
            self._condition.wait_for(lambda: self.seen != seen, seconds)


AsyncOpened = AsyncOpening
Opened: TypeAlias = Annotated[R, "at once"]

AsyncResult = Awaitable
Result: TypeAlias = Annotated[R, "at once"]
