"""The few things that differ between code with and without `await`.

Each stands here twice, under a name for the asynchronous code and under the name that the
generated synchronous code has for it (see scripts/generate_sync.py).

Threads wait for each other with plain locks and `SimpleQueue` only, which the interpreter itself
implements. A signal's handler, such as that of Ctrl-C, may raise within the Python code of a
Condition, an Event or a Semaphore, and leave its lock held for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Annotated, Any, Generic, ParamSpec, Protocol, Self, TypeAlias, TypeVar

from graph_orch.errors import OrchestrationError
from graph_orch.store.driving import cut

CLOSE_SECONDS = 5.0
P = ParamSpec("P")
R = TypeVar("R")
GIVE_BACK_SECONDS = 5.0
"""How long a call that was cancelled may go on, to give back what it is given."""


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


async def async_apart(
    seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Run a function that may never return in a thread of its own, which goes on after the wait.

    Raises:
        TimeoutError: it has not returned within so many seconds.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    told: list[Callable[[], R]] = []

    def tell(outcome: Callable[[], R]) -> None:
        told.append(outcome)
        with contextlib.suppress(RuntimeError):  # its loop has ended
            loop.call_soon_threadsafe(lambda: ended.done() or ended.set_result(None))

    _begin(tell, lambda: function(*args, **kwargs))
    async with asyncio.timeout(seconds):
        await ended
    return told[0]()


def apart(seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a function that may never return in a thread of its own, which goes on after the wait.

    Raises:
        TimeoutError: it has not returned within so many seconds.
    """
    told: SimpleQueue[Callable[[], R]] = SimpleQueue()
    _begin(told.put, lambda: function(*args, **kwargs))
    try:
        outcome = told.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    return outcome()


def _begin(tell: Callable[[Callable[[], R]], None], call: Callable[[], R]) -> None:
    """Begin a call in a thread that does not keep the process from its end; tell its outcome."""

    def run() -> None:
        try:
            found = call()
        except BaseException as error:
            tell(partial(_raise, error))
        else:
            tell(lambda: found)

    threading.Thread(target=run, name="graph-orch-apart", daemon=True).start()


def _raise(error: BaseException) -> Any:
    raise error


async def async_or_give_back(
    call: Coroutine[Any, Any, R], give_back: Callable[[R], Awaitable[None]]
) -> R:
    """The answer of a call; where the caller is cancelled before, the answer is given back."""
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(OrchestrationError, TimeoutError):
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await give_back(await task)
        raise


def or_give_back(call: R, give_back: Callable[[R], None]) -> R:
    """Without `await` a call comes to its end."""
    return call


async_sleep = asyncio.sleep
sleep = time.sleep

async_loop = asyncio.get_running_loop


def loop() -> None:
    """The event loop that this runs in: none."""


async def async_at_home(
    home: asyncio.AbstractEventLoop | None, close: Callable[[], Awaitable[None]]
) -> None:
    """Close what belongs to an event loop: in that loop where it runs, else as far as possible."""
    if home is None or home is asyncio.get_running_loop():
        await close()
    elif home.is_running():

        async def there() -> None:
            await close()

        with contextlib.suppress(TimeoutError):  # it is stuck
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), home))
    else:
        with contextlib.suppress(RuntimeError):  # its loop has ended, and what it had with it
            await close()


def at_home(home: None, close: Callable[[], None]) -> None:
    """Close what belongs to no event loop."""
    close()


class AsyncTurns:
    """Lets `at_once` callers go on; the others wait in their order."""

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)

    async def take(self, seconds: float) -> bool:
        """Whether a turn came within so many seconds; if so, `give_back` is to be called."""
        try:
            async with asyncio.timeout(seconds):
                return await self._free.acquire()
        except TimeoutError:
            return False

    def give_back(self) -> None:
        """Let the next go on."""
        self._free.release()


class Turns:
    """Lets `at_once` callers go on; the others wait."""

    def __init__(self, at_once: int) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(at_once):
            self._free.put(None)

    def take(self, seconds: float) -> bool:
        """Whether a turn came within so many seconds; if so, `give_back` is to be called."""
        try:
            self._free.get(timeout=seconds)
        except Empty:
            return False
        return True

    def give_back(self) -> None:
        """Let the next go on."""
        self._free.put(None)


class AsyncTry:
    """A block that ends with TimeoutError after so many seconds, whatever the network does."""

    def __init__(self, seconds: float) -> None:
        self._timeout = asyncio.timeout(seconds)

    def on(self, session: object) -> None:
        """Say which session it waits on: here the wait itself is ended."""

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._timeout.__aexit__(kind, error, at)


class Try:
    """A block that ends with TimeoutError after so many seconds, whatever the network does."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._session: object = None
        self.late = False
        self.ends_at = math.inf

    def on(self, session: object) -> None:
        """Say which session it waits on: its connection is cut when the time is up."""
        self._session = session

    def cut(self) -> bool:
        """End the connection that is waited on, from another thread."""
        self.late = True
        return cut(self._session)

    def __enter__(self) -> Self:
        self.ends_at = time.monotonic() + self._seconds
        _watch().add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        _watch().remove(self)
        if self.late and isinstance(error, Exception):
            raise TimeoutError from error


class _Watch(threading.Thread):
    """Cuts the connections of the calls that take too long."""

    AGAIN_SECONDS = 0.5
    """How soon a call that had no connection when its time was up is looked at again."""

    def __init__(self) -> None:
        super().__init__(name="graph-orch-watch", daemon=True)
        self._tries: set[Try] = set()
        self._lock = threading.Lock()
        self._sooner: SimpleQueue[None] = SimpleQueue()
        self._looks_at = math.inf
        self.start()

    def add(self, one: Try) -> None:
        with self._lock:
            self._tries.add(one)
            if one.ends_at < self._looks_at:  # seldom: mostly it looks at an earlier one before
                self._sooner.put(None)
                self._looks_at = one.ends_at

    def remove(self, one: Try) -> None:
        """Once this returns nothing is cut: the connection may belong to another call now."""
        with self._lock:
            self._tries.discard(one)

    def run(self) -> None:
        while True:
            with self._lock:
                now = time.monotonic()
                for one in self._tries:
                    if one.ends_at <= now:
                        one.ends_at = math.inf if one.cut() else now + self.AGAIN_SECONDS
                self._looks_at = min((one.ends_at for one in self._tries), default=math.inf)
                waits = None if self._looks_at == math.inf else self._looks_at - now
            with contextlib.suppress(Empty):
                self._sooner.get(timeout=waits)


_watches: list[_Watch] = []
_watches_lock = threading.Lock()


def _watch() -> _Watch:
    """The watch of this process; a forked child has none of its parent's threads."""
    if not _watches:
        with _watches_lock:
            if not _watches:
                _watches.append(_Watch())
    return _watches[0]


def _forget_watch() -> None:
    global _watches_lock
    _watches.clear()
    _watches_lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_watch)


class AsyncAside:
    """Runs coroutines in an event loop: this one."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        pass

    async def run(self, work: Coroutine[Any, Any, R]) -> R:
        """What the coroutine returns."""
        return await work


class Aside:
    """Runs coroutines in an event loop: that of a thread of its own, for callers without one."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="graph-orch-aside", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_end_others(), self._loop).result(CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """What the coroutine returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _end_others() -> None:
    """Cancel what else runs in this event loop, and wait for its end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class AsyncTogether:
    """Calls that go on beside each other, one of each name; the end cancels them."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._going_on: dict[str, asyncio.Future[int]] = {}

    def start(self, name: str, call: Callable[..., Coroutine[Any, Any, int]], *args: Any) -> bool:
        """Begin a call, unless one of this name goes on, or as many as may; whether it did."""
        may = name not in self._going_on and len(self._going_on) < self._at_once
        if may:
            self._going_on[name] = asyncio.ensure_future(call(*args))
        return may

    @property
    def names(self) -> Collection[str]:
        """The names of the calls that go on, or whose end nobody has waited for yet."""
        return self._going_on.keys()

    async def wait(self, seconds: float) -> list[int] | None:
        """What those returned that ended within so many seconds; None where none goes on."""
        if not self._going_on:
            return None
        await asyncio.wait(
            self._going_on.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        return _take_ended(self._going_on)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for call in self._going_on.values():
            call.cancel()
        await asyncio.gather(*self._going_on.values(), return_exceptions=True)


class Together:
    """Calls that go on beside each other in threads, one of each name; the end waits for them."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="graph-orch-together")
        self._going_on: dict[str, Future[int]] = {}

    def start(self, name: str, call: Callable[..., int], *args: Any) -> bool:
        """Begin a call, unless one of this name goes on, or as many as may; whether it did."""
        may = name not in self._going_on and len(self._going_on) < self._at_once
        if may:
            self._going_on[name] = self._threads.submit(call, *args)
        return may

    @property
    def names(self) -> Collection[str]:
        """The names of the calls that go on, or whose end nobody has waited for yet."""
        return self._going_on.keys()

    def wait(self, seconds: float) -> list[int] | None:
        """What those returned that ended within so many seconds; None where none goes on."""
        if not self._going_on:
            return None
        wait(self._going_on.values(), timeout=seconds, return_when=FIRST_COMPLETED)
        return _take_ended(self._going_on)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._threads.shutdown()


def _take_ended(going_on: dict[str, Any]) -> list[int]:
    """What calls that have ended returned; they are forgotten.

    Raises:
        Exception: one of them did.
    """
    ended = [name for name, call in going_on.items() if call.done()]
    return [going_on.pop(name).result() for name in ended]


AsyncOpened = AsyncOpening
Opened: TypeAlias = Annotated[R, "at once"]

AsyncResult = Awaitable
Result: TypeAlias = Annotated[R, "at once"]
