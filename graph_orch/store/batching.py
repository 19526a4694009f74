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
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, TypeVar

from graph_orch.errors import OrchestrationError, StoreError, StoreQueryError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Waiting = TypeVar("Waiting")
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


def in_weight(items: Sequence[Item], weigh: Callable[[Item], int]) -> Iterator[list[Item]]:
    """The items in their order, as many together as may share a transaction by their weight."""
    part: list[Item] = []
    size = 0
    for item in items:
        more = weigh(item)
        if part and size + more > MOST_ROWS:
            yield part
            part, size = [], 0
        part.append(item)
        size += more
    if part:
        yield part


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


def _taken(waiting: deque[Waiting], rows_of: Callable[[Waiting], int]) -> list[Waiting]:
    """From the head of what waits, as many calls as may share a run."""
    taken: list[Waiting] = []
    rows = 0
    while waiting and len(taken) < MOST:
        rows += rows_of(waiting[0])
        if taken and rows > MOST_ROWS:
            break
        taken.append(waiting.popleft())
    return taken


class AsyncCombiner(Generic[Item, Answer]):
    """Runs calls together, for callers that share an event loop."""

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        at_once: int = 1,
    ) -> None:
        """Args:
        run: Does what was asked for, and answers each item, perhaps with an error.
        at_once: How many runs may be under way.
        """
        self._run = run
        self._at_once = at_once
        self._waiting: deque[tuple[Item, int, asyncio.Future[Answer]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item, rows: int = 1) -> Answer:
        """The answer to one item of so many rows; an error of its own, or of the run, is raised."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, rows, answer))
        if len(self._workers) < self._at_once:
            self._begin()
        return await answer

    def _begin(self) -> None:
        worker = asyncio.create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._end)

    def _end(self, worker: asyncio.Task[None]) -> None:
        self._workers.remove(worker)
        if self._waiting:  # it was cancelled: those that came meanwhile are served by another
            self._begin()

    async def _work(self) -> None:
        while self._waiting:
            taken = _taken(self._waiting, lambda call: call[1])
            wanted = [(item, answer) for item, _, answer in taken if not answer.done()]
            if wanted:
                await self._answer(wanted)

    async def _answer(self, wanted: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            found = await async_in_parts(self._run, [item for item, _ in wanted])
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
    def __init__(self, item: Item, rows: int) -> None:
        self.item = item
        self.rows = rows
        self.ready = threading.Lock()
        """Held until its thread is to go on; see `runtime` for why this is no Event."""
        self.ready.acquire()
        self.led: list[_Call[Item, Answer]] = []
        """Whom its thread runs for, itself among them; none: another thread will answer it."""
        self.answer: Answer | Exception | None = None


class Combiner(Generic[Item, Answer]):
    """Runs calls together, for callers in several threads: one of them runs for some."""

    def __init__(
        self, run: Callable[[Sequence[Item]], Sequence[Answer | Exception]], at_once: int = 1
    ) -> None:
        """Args:
        run: Does what was asked for, and answers each item, perhaps with an error.
        at_once: How many runs may be under way.
        """
        self._run = run
        self._at_once = at_once
        self._lock = threading.Lock()
        self._waiting: deque[_Call[Item, Answer]] = deque()
        self._running = 0

    def submit(self, item: Item, rows: int = 1) -> Answer:
        """The answer to one item of so many rows; an error of its own, or of the run, is raised."""
        call = _Call[Item, Answer](item, rows)
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
        if isinstance(call.answer, Exception):
            raise call.answer
        return call.answer  # pyright: ignore[reportReturnType]

    def _lead(self, taken: Sequence[_Call[Item, Answer]]) -> None:
        """Run for these, and hand the lead on."""
        found: list[Answer | Exception] = [StoreError(INTERRUPTED)] * len(taken)
        try:
            found = in_parts(self._run, [call.item for call in taken])
        except OrchestrationError as error:  # it is raised in each of the threads that wait
            found = [error] * len(taken)
        finally:
            for call, one in zip(taken, found, strict=True):
                call.answer, call.led = one, []
                call.ready.release()
            self._hand_on()

    def _withdraw(self, call: _Call[Item, Answer]) -> None:
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
            led = _taken(self._waiting, lambda call: call.rows)
            led[0].led = led
            led[0].ready.release()
