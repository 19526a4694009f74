"""Signals between the callers of one store in one process: there may be work, tries are over."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TypeAlias

Ended: TypeAlias = tuple[str, int, str | None]
"""A try that is over: the id of its task, the attempt, and the status of the task, None if gone."""


class _Hub:
    """What the signals of one store share, over all threads and event loops of this process."""

    def __init__(self) -> None:
        self.seen = 0
        self.lock = threading.Lock()
        self.wakes: set[Callable[[], object]] = set()
        """Each wakes one caller that waits."""
        self.watchers: set[Callable[[Sequence[Ended]], None]] = set()

    def tell(self, ended: Sequence[Ended]) -> None:
        with self.lock:
            self.seen += 1
            wakes, self.wakes = self.wakes, set()
            watchers = [*self.watchers] if ended else []
        for watcher in watchers:
            watcher(ended)
        for wake in wakes:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                wake()


_hubs: weakref.WeakValueDictionary[Hashable, _Hub] = weakref.WeakValueDictionary()


class _Signal:
    def __init__(self, store: Hashable) -> None:
        """A signal that all who name the same store hear."""
        self._hub = _hubs.setdefault(store, _Hub())

    @property
    def seen(self) -> int:
        """How often something was told; a caller notes it before it looks for work."""
        return self._hub.seen

    def tell(self, *ended: Ended) -> None:
        """Tell all who wait that there may be work, and which tries are over."""
        self._hub.tell(ended)

    def watch(self, watcher: Callable[[Sequence[Ended]], None]) -> None:
        """Call `watcher`, in any thread, with the tries that end in this process."""
        with self._hub.lock:
            self._hub.watchers.add(watcher)

    def unwatch(self, watcher: Callable[[Sequence[Ended]], None]) -> None:
        """Call it no more."""
        with self._hub.lock:
            self._hub.watchers.discard(watcher)

    def _hear(self, seen: int, wake: Callable[[], object]) -> bool:
        """Call `wake` when something is told; False where something was told after `seen`."""
        with self._hub.lock:
            if self._hub.seen == seen:
                self._hub.wakes.add(wake)
            return self._hub.seen == seen

    def _ignore(self, wake: Callable[[], object]) -> None:
        with self._hub.lock:
            self._hub.wakes.discard(wake)


class AsyncSignal(_Signal):
    """Wakes callers of this process that wait for work."""

    async def wait(self, seen: int, seconds: float) -> None:
        """Return when something was told after `seen`, or when the time is up."""
        told = asyncio.Event()
        wake = partial(asyncio.get_running_loop().call_soon_threadsafe, told.set)
        if self._hear(seen, wake):
            try:
                async with asyncio.timeout(seconds):
                    await told.wait()
            except TimeoutError:
                pass
            finally:
                self._ignore(wake)


class Signal(_Signal):
    """Wakes callers of this process that wait for work."""

    def wait(self, seen: int, seconds: float) -> None:
        """Return when something was told after `seen`, or when the time is up."""
        told = threading.Lock()
        told.acquire()
        if self._hear(seen, told.release):
            try:
                told.acquire(timeout=min(max(0.0, seconds), threading.TIMEOUT_MAX))
            finally:
                self._ignore(told.release)
