"""Calls that come while another is under way go to the server together, in one transaction.

A transaction costs a round trip and a flush to disk, and who waits at the server for a lock that
another holds sleeps for longer each time it looks. Where many callers of a process ask for the
same kind of thing at once, the first goes at once, and those that come meanwhile share the next. A
caller that is alone never waits.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

from graph_orch.errors import OrchestrationError, StoreError, StoreQueryError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
MOST = 50
"""How many calls share a transaction at most."""
MOST_ROWS = 400
"""How many rows they may bring together; a call that brings more goes by itself."""
LETTERS_A_ROW = 20_000
"""A row with more letters counts as several, so that a transaction brings 8 MB at most."""
INTERRUPTED = "the thread that asked the store for several was interrupted; ask again"


class NotTogetherError(StoreQueryError):
    """Calls that came together cannot share a transaction; each part of them may."""


def weight(rows: int, letters: int) -> int:
    """How many rows a call counts as that brings so many rows and letters."""
    return max(rows, -(-letters // LETTERS_A_ROW))


def in_weight(
    items: Sequence[Item], weigh: Callable[[Item], int]
) -> Iterator[tuple[list[Item], int]]:
    """The items in their order, in parts that may each be one transaction, with their weights."""
    part: list[Item] = []
    size = 0
    for item in items:
        more = weigh(item)
        if part and size + more > MOST_ROWS:
            yield part, size
            part, size = [], 0
        part.append(item)
        size += more
    if part:
        yield part, size


async def async_in_parts(
    run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
    items: Sequence[Item],
) -> list[Answer | Exception]:
    """Run all items as one; where the store refuses that, run each half, down to single items.

    So an item that cannot be stored, or that is too much, fails alone. Errors of other kinds, such
    as a server that is away, concern all items and are raised.
    """
    try:
        return [*await run(items)]
    except StoreQueryError as error:
        if len(items) == 1:
            return [error]
    half = len(items) // 2
    return [*await async_in_parts(run, items[:half]), *await async_in_parts(run, items[half:])]


def in_parts(
    run: Callable[[Sequence[Item]], Sequence[Answer | Exception]], items: Sequence[Item]
) -> list[Answer | Exception]:
    """See `async_in_parts`."""
    try:
        return [*run(items)]
    except StoreQueryError as error:
        if len(items) == 1:
            return [error]
    half = len(items) // 2
    return [*in_parts(run, items[:half]), *in_parts(run, items[half:])]


class _Call(Generic[Item]):
    """Items that one caller submitted, to be run in one transaction with those of others."""

    items: list[Item]
    weight: int


C = TypeVar("C", bound=_Call[Any])


def _taken(waiting: deque[C]) -> list[C]:
    """From the head of what waits, as many calls as may share a run."""
    taken: list[C] = []
    weight = 0
    while waiting and len(taken) < MOST:
        weight += waiting[0].weight
        if taken and weight > MOST_ROWS:
            break
        taken.append(waiting.popleft())
    return taken


class _AsyncCall(_Call[Item], Generic[Item, Answer]):
    def __init__(self, items: list[Item], weight: int) -> None:
        self.items, self.weight = items, weight
        loop = asyncio.get_running_loop()
        self.answers: asyncio.Future[list[Answer | Exception]] = loop.create_future()


class AsyncCombiner(Generic[Item, Answer]):
    """Runs calls together, for callers that share an event loop.

    Where the store refuses a run, its halves are run, down to single items: see `async_in_parts`.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        weigh: Callable[[Item], int] = lambda _: 1,
        at_once: int = 1,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Args:
        run: Does what was asked for, and answers each item, perhaps with an error.
        weigh: How many rows an item counts as, see `weight`; a run takes MOST_ROWS together.
        at_once: How many runs may be under way.
        check: Raises where the store cannot be used from here, such as in a forked process, in
            which nobody runs what waits. A call is checked before it waits.
        """
        self._run = run
        self._weigh = weigh
        self._at_once = at_once
        self._check = check
        self._waiting: deque[_AsyncCall[Item, Answer]] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Answer:
        """The answer to an item; an error of its own, or of the run, is raised."""
        (answer,) = await self._submit([item], self._weigh(item))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def submit_all(self, items: Sequence[Item]) -> list[Answer | Exception]:
        """The answer to each item, or its error, in as few runs as they fit in."""
        answers: list[Answer | Exception] = []
        for part, weight in in_weight(items, self._weigh):
            answers += await self._submit(part, weight)
        return answers

    def _submit(self, items: list[Item], weight: int) -> asyncio.Future[list[Answer | Exception]]:
        self._check()
        call: _AsyncCall[Item, Answer] = _AsyncCall(items, weight)
        self._waiting.append(call)
        if len(self._workers) < self._at_once:
            self._begin()
        return call.answers

    def _begin(self) -> None:
        # It serves many callers, so it is in the context of none: its log is about no task of one.
        worker = asyncio.create_task(self._work(), context=contextvars.Context())
        self._workers.add(worker)
        worker.add_done_callback(self._end)

    def _end(self, worker: asyncio.Task[None]) -> None:
        self._workers.remove(worker)
        if self._waiting:  # it was cancelled: those that came meanwhile are served by another
            self._begin()

    async def _work(self) -> None:
        while self._waiting:
            calls = [call for call in _taken(self._waiting) if not call.answers.done()]
            if not calls:
                continue
            try:
                answers = iter(await async_in_parts(self._run, _items(calls)))
            except asyncio.CancelledError:
                for call in calls:
                    call.answers.cancel()
                raise
            except Exception as error:  # it is raised where the answers are awaited
                for call in calls:
                    if not call.answers.done():
                        call.answers.set_exception(error)
                continue
            for call in calls:
                found = list(islice(answers, len(call.items)))
                if not call.answers.done():
                    call.answers.set_result(found)


class _ThreadCall(_Call[Item], Generic[Item, Answer]):
    def __init__(self, items: list[Item], weight: int) -> None:
        self.items, self.weight = items, weight
        self.ready = threading.Lock()
        """Held until its thread is to go on; see `runtime` for why this is no Event."""
        self.ready.acquire()
        self.led: list[_ThreadCall[Item, Answer]] = []
        """The calls that its thread runs, itself among them; none: another thread answers it."""
        self.answers: list[Answer | Exception] | Exception = StoreError(INTERRUPTED)


class Combiner(Generic[Item, Answer]):
    """Runs calls together, for callers in several threads: one of them runs for some.

    See `AsyncCombiner`.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Answer | Exception]],
        *,
        weigh: Callable[[Item], int] = lambda _: 1,
        at_once: int = 1,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._run = run
        self._weigh = weigh
        self._at_once = at_once
        self._check = check
        self._lock = threading.Lock()
        self._waiting: deque[_ThreadCall[Item, Answer]] = deque()
        self._running = 0

    def submit(self, item: Item) -> Answer:
        """The answer to an item; an error of its own, or of the run, is raised."""
        (answer,) = self._submit([item], self._weigh(item))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def submit_all(self, items: Sequence[Item]) -> list[Answer | Exception]:
        """The answer to each item, or its error, in as few runs as they fit in."""
        answers: list[Answer | Exception] = []
        for part, weight in in_weight(items, self._weigh):
            answers += self._submit(part, weight)
        return answers

    def _submit(self, items: list[Item], weight: int) -> list[Answer | Exception]:
        self._check()
        call: _ThreadCall[Item, Answer] = _ThreadCall(items, weight)
        with self._lock:
            if self._running < self._at_once:
                self._running += 1
                call.led = [call]
            else:
                self._waiting.append(call)
        try:
            if not call.led:
                call.ready.acquire()
        except BaseException:  # a signal's handler raised: nobody waits for this call any more
            self._withdraw(call)
            raise
        if call.led:
            self._lead(call.led)
        if isinstance(call.answers, Exception):
            raise call.answers
        return call.answers

    def _lead(self, calls: Sequence[_ThreadCall[Item, Answer]]) -> None:
        """Run these, and hand the lead on."""
        try:
            answers = iter(in_parts(self._run, _items(calls)))
            for call in calls:
                call.answers = list(islice(answers, len(call.items)))
        except OrchestrationError as error:  # it is raised in each of the threads that wait
            for call in calls:
                call.answers = error
        finally:
            for call in calls:
                call.led = []
                call.ready.release()
            self._hand_on()

    def _withdraw(self, call: _ThreadCall[Item, Answer]) -> None:
        with self._lock:
            led, call.led = call.led, []
            self._waiting.extendleft(reversed(led))
            if call in self._waiting:
                self._waiting.remove(call)
        if led:
            self._hand_on()

    def _hand_on(self) -> None:
        """Let the first that waits lead; where nobody does, the next that comes."""
        with self._lock:
            if not self._waiting:
                self._running -= 1
                return
            led = _taken(self._waiting)
            led[0].led = led
            led[0].ready.release()


def _items(calls: Sequence[_Call[Item]]) -> list[Item]:
    return [item for call in calls for item in call.items]
