"""Calls that come while another is under way go to the server together, in one transaction.

A transaction costs a round trip and a flush to disk, and who waits at the server for a lock that
another holds sleeps for longer each time it looks. Where many callers of a process ask for the
same kind of thing at once, the first goes at once, and those that come meanwhile share the next. A
caller that is alone never waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from graph_orch.errors import StoreError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
MOST = 50
"""How many calls share a transaction at most."""
INTERRUPTED = "the thread that asked the store for several was interrupted; ask again"


class AsyncCombiner(Generic[Item, Answer]):
    """Runs calls together, for callers that share an event loop."""

    def __init__(
        self, run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]]
    ) -> None:
        """Args:
        run: Does what was asked for, and answers each item, perhaps with an error.
        """
        self._run = run
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Answer:
        """The answer to one item; an error of its own, or of the run, is raised."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                number = min(MOST, len(self._waiting))
                taken = [self._waiting.popleft() for _ in range(number)]
                wanted = [(item, answer) for item, answer in taken if not answer.done()]
                if wanted:
                    await self._answer(wanted)
        finally:  # where it was cancelled, those that came meanwhile are served by another
            self._worker = asyncio.create_task(self._work()) if self._waiting else None

    async def _answer(self, wanted: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            found = await self._run([item for item, _ in wanted])
        except asyncio.CancelledError:
            for _, answer in wanted:
                answer.cancel()
            raise
        except Exception as error:  # it is raised where the answer is awaited
            found = [error] * len(wanted)
        for (_, answer), one in zip(wanted, found, strict=True):
            if answer.done():
                continue
            if isinstance(one, Exception):
                answer.set_exception(one)
            else:
                answer.set_result(one)


class _Call(Generic[Item, Answer]):
    def __init__(self, item: Item) -> None:
        self.item = item
        self.ready = threading.Event()
        self.leads = False
        self.answer: Answer | Exception | None = None


class Combiner(Generic[Item, Answer]):
    """Runs calls together, for callers in several threads: one of them runs for all."""

    def __init__(self, run: Callable[[Sequence[Item]], Sequence[Answer | Exception]]) -> None:
        """Args:
        run: Does what was asked for, and answers each item, perhaps with an error.
        """
        self._run = run
        self._lock = threading.Lock()
        self._waiting: deque[_Call[Item, Answer]] = deque()
        self._busy = False

    def submit(self, item: Item) -> Answer:
        """The answer to one item; an error of its own, or of the run, is raised."""
        call = _Call[Item, Answer](item)
        with self._lock:
            self._waiting.append(call)
            call.leads, self._busy = not self._busy, True
        try:
            if not call.leads:
                call.ready.wait()
        except BaseException:  # a signal's handler raised: nobody waits for this call any more
            self._withdraw(call)
            raise
        if call.leads:
            self._lead()
        if isinstance(call.answer, Exception):
            raise call.answer
        return call.answer  # pyright: ignore[reportReturnType]

    def _lead(self) -> None:
        """Run what waits, this call among it, and hand the lead on."""
        with self._lock:
            number = min(MOST, len(self._waiting))
            taken = [self._waiting.popleft() for _ in range(number)]
        found: Sequence[Answer | Exception] = [StoreError(INTERRUPTED)] * len(taken)
        try:
            found = self._run([call.item for call in taken])
        except Exception as error:  # it is raised in each of the threads that wait
            found = [error] * len(taken)
        finally:
            for call, one in zip(taken, found, strict=True):
                call.answer, call.leads = one, False
                call.ready.set()
            self._hand_on()

    def _withdraw(self, call: _Call[Item, Answer]) -> None:
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)
        if call.leads:
            self._hand_on()

    def _hand_on(self) -> None:
        """Let the first that waits lead; where nobody does, the next that comes."""
        with self._lock:
            follower = self._waiting[0] if self._waiting else None
            self._busy = follower is not None
            if follower is not None:
                follower.leads = True
                follower.ready.set()
