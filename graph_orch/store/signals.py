"""Signals between the callers of one store in one process: there may be work, tries are over.

What other processes do is found by looking: at how many events the store holds, which it counts as
it goes, so that the answer costs the same whatever it holds. Of all who wait in a process one looks
at a time, and processes look the less often the more of them have workers (docs/decisions/0020).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TypeAlias

Ended: TypeAlias = tuple[str, int, str | None]
"""A try that is over: the id of its task, the attempt, and the status of the task, None if gone."""

LOOK_SECONDS = 0.02
"""How long until one of the processes that have workers looks at the store again."""
LONGEST_LOOK_SECONDS = 1.0
LATE_SECONDS = 1.0
"""Who looks and is so late is stuck, or waits for a server that is away: another looks."""
TELLS_A_SECOND = 5
"""So often, but not more than once a second for each process, all who wait are told, whatever was
found: not all that changes what may be claimed is an event."""
QUIET = 200, 5
"""A process looks as often as that in the time for which nothing has changed, or less: 5 times less
often at most."""
COUNT_SECONDS = 5.0
LONGEST_COUNT_SECONDS = 10.0
"""Where most of many processes have ended, those that are left go on at their pace for so long."""
COUNTS_A_SECOND = 1


class _Hub:
    """What the signals of one store share, over all threads and event loops of this process."""

    def __init__(self) -> None:
        self.seen = 0
        self.events: int | None = None
        self.processes = 1
        self.looks_at = self.counts_at = self.told_at = self.changed_at = 0.0
        self.lock = threading.Lock()
        self.looker: object | None = None
        """Who of those that wait looks; the others sleep until they are told. If each slept until
        the next look, fifty that wait would wake 2,500 times a second."""
        self.wakes: set[Callable[[], object]] = set()
        """Each wakes one caller that waits."""
        self.watchers: set[Callable[[Sequence[Ended]], None]] = set()

    def apart(self, now: float) -> float:
        """How long to wait until the next look."""
        least = LOOK_SECONDS * self.processes
        often, most = QUIET
        wanted = min(max(least, (now - self.changed_at) / often), most * least)
        return min(wanted, LONGEST_LOOK_SECONDS) * random.uniform(0.75, 1.25)

    def tell(self, ended: Sequence[Ended]) -> None:
        with self.lock:
            self.told_at = time.monotonic()
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

    def look_in(self, who: object) -> float:
        """In how many seconds `who`, which waits, is to see whether it is its turn to look."""
        late = 0.0 if self._hub.looker is who else LATE_SECONDS
        return max(0.0, self._hub.looks_at + late - time.monotonic())

    def takes_look(self, who: object) -> bool:
        """Whether `who` is the one to look now; it says by `looked` what it found.

        It looks from then on, until it says by `leaves` that it waits no more.
        """
        now = time.monotonic()
        with self._hub.lock:
            if self._hub.looker is None or now >= self._hub.looks_at + LATE_SECONDS:
                self._hub.looker = who
            if self._hub.looker is not who or self._hub.looks_at > now:
                return False
            self._hub.looks_at = now + self._hub.apart(now)
            return True

    def leaves(self, who: object) -> None:
        """Say that `who` waits no more: where nobody is left to look, another that waits does."""
        wake = None
        with self._hub.lock:
            if self._hub.looker is who or self._hub.looker is None:
                self._hub.looker = None
                wake = self._hub.wakes.pop() if self._hub.wakes else None
        if wake is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                wake()

    def looked(self, events: int) -> None:
        """Say how many events the store holds: where it is another number, all who wait are told.

        A change before the first look, or while nobody waited, differs from what was found last,
        so that none is missed.
        """
        now = time.monotonic()
        is_new, self._hub.events = events != self._hub.events, events
        if is_new:
            self._hub.changed_at = now
        if is_new or now - self._hub.told_at >= self.paced(LONGEST_LOOK_SECONDS, TELLS_A_SECOND):
            self._hub.tell(())

    def paced(self, seconds: float, a_second: float, longest: float = math.inf) -> float:
        """How long a process pauses that is to look at something every so many seconds.

        Longer, where all processes with workers together would look more often than `a_second`,
        but not longer than `longest`.
        """
        return max(seconds, min(self._hub.processes / a_second, longest))

    def takes_count(self) -> bool:
        """Whether the caller is the one to count the processes with workers, for `counted`."""
        now = time.monotonic()
        with self._hub.lock:
            is_due = self._hub.counts_at <= now
            if is_due:
                pause = self.paced(COUNT_SECONDS, COUNTS_A_SECOND, LONGEST_COUNT_SECONDS)
                self._hub.counts_at = now + pause
            return is_due

    def counted(self, processes: int) -> None:
        """Say how many processes have workers, this one among them where it has."""
        self._hub.processes = max(1, processes)

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
