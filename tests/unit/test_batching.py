"""Calls that come while another is under way share the next run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from graph_orch.errors import ClosedError, StoreQueryError
from graph_orch.store import batching
from graph_orch.store.batching import MOST, MOST_ROWS, AsyncCombiner, Combiner
from tests.waiting import eventually


async def test_async_calls_that_come_meanwhile_go_together():
    runs: list[list[int]] = []
    begun, gate = asyncio.Event(), asyncio.Event()

    async def run(items: Sequence[int]) -> list[int | Exception]:
        runs.append(list(items))
        begun.set()
        await gate.wait()
        return [ValueError(f"odd {item}") if item % 2 else item * 10 for item in items]

    combiner = AsyncCombiner[int, int](run)
    calls = [asyncio.create_task(combiner.submit(0))]
    await begun.wait()
    calls += [asyncio.create_task(combiner.submit(item)) for item in range(1, MOST + 3)]
    await asyncio.sleep(0)
    calls[4].cancel()
    gate.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert runs == [[0], [it for it in range(1, MOST + 1) if it != 4], [MOST + 1, MOST + 2]]
    assert answers[0] == 0
    assert answers[2] == 20
    assert str(answers[3]) == "odd 3"
    assert isinstance(answers[4], asyncio.CancelledError)


async def test_async_error_of_a_run_is_everybodys():
    async def run(items: Sequence[int]) -> list[int | Exception]:
        raise OSError(f"lost {len(items)}")

    combiner = AsyncCombiner[int, int](run)
    for _ in range(2):
        calls = (combiner.submit(1), combiner.submit(2))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(answer, OSError) for answer in answers)


def test_threads_that_come_meanwhile_go_together():
    runs: list[list[int]] = []
    begun, gate = threading.Event(), threading.Event()

    def run(items: Sequence[int]) -> list[int | Exception]:
        runs.append(list(items))
        begun.set()
        assert gate.wait(60)
        return [ValueError(f"odd {item}") if item % 2 else item * 10 for item in items]

    combiner = Combiner[int, int](run)
    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(combiner.submit, 0)
        assert begun.wait(60)
        others = [pool.submit(combiner.submit, item) for item in range(1, 10)]
        assert eventually(lambda: len(combiner._waiting) == 9)
        gate.set()
        assert first.result(60) == 0
        assert [it.result(60) for it in others[1::2]] == [20, 40, 60, 80]
        for odd in others[::2]:
            with pytest.raises(ValueError, match="odd"):
                odd.result(60)
    assert [len(one) for one in runs] == [1, 9]
    assert combiner.submit(2) == 20


def test_threads_go_on_after_a_run_that_failed():
    def run(items: Sequence[int]) -> list[int | Exception]:
        if 3 in items:
            raise OSError("lost")
        return list(items)

    combiner = Combiner[int, int](run)
    with pytest.raises(OSError, match="lost"):
        combiner.submit(3)
    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(combiner.submit, range(10, 300))) == list(range(10, 300))


def test_a_thread_that_is_interrupted_while_it_waits_holds_nobody_up(monkeypatch):
    gate, begun = threading.Event(), threading.Event()

    def run(items: Sequence[int]) -> list[int | Exception]:
        begun.set()
        assert gate.wait(60)
        return list(items)

    def interrupt() -> None:
        raise KeyboardInterrupt

    prepare = batching._ThreadCall.__init__

    def prepared(self: batching._ThreadCall, items: list[int], weight: int) -> None:
        prepare(self, items, weight)
        if items == [13]:  # its thread gets a signal while it waits
            self.ready = SimpleNamespace(acquire=interrupt, release=lambda: None)

    monkeypatch.setattr(batching._ThreadCall, "__init__", prepared)
    combiner = Combiner[int, int](run)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(combiner.submit, 1)
        assert begun.wait(60)
        with pytest.raises(KeyboardInterrupt):
            combiner.submit(13)
        second = pool.submit(combiner.submit, 2)
        gate.set()
        assert (first.result(60), second.result(60), combiner.submit(3)) == (1, 2, 3)


def test_the_thread_that_leads_is_interrupted():
    gate, begun = threading.Event(), threading.Event()

    def run(items: Sequence[int]) -> list[int | Exception]:
        if 1 not in items:
            return list(items)
        begun.set()
        assert gate.wait(60)
        raise KeyboardInterrupt

    combiner = Combiner[int, int](run)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(combiner.submit, 1)
        assert begun.wait(60)
        second = pool.submit(combiner.submit, 2)
        assert eventually(lambda: len(combiner._waiting) == 1)
        gate.set()
        with pytest.raises(KeyboardInterrupt):
            first.result(60)
        assert (second.result(60), combiner.submit(3)) == (2, 3)


async def test_who_comes_while_the_run_is_cancelled_is_served():
    begun = asyncio.Event()

    async def run(items: Sequence[int]) -> list[int | Exception]:
        if 1 in items:
            begun.set()
            await asyncio.sleep(60)
        return list(items)

    combiner = AsyncCombiner[int, int](run)
    first = asyncio.create_task(combiner.submit(1))
    await begun.wait()
    second = asyncio.create_task(combiner.submit(2))
    await asyncio.sleep(0)
    (worker,) = combiner._workers
    worker.cancel()
    assert await second == 2
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], BaseException)


async def test_async_runs_take_so_many_rows_and_calls_as_large_as_that_go_alone():
    runs: list[list[int]] = []
    gate = asyncio.Event()

    async def run(items: Sequence[int]) -> list[int | Exception]:
        runs.append(list(items))
        await gate.wait()
        return list(items)

    sizes = [300, 1, 150, 200, 51, MOST_ROWS + 1, 1, 1]
    combiner = AsyncCombiner[int, int](run, weigh=sizes.__getitem__, at_once=2)
    calls = [asyncio.create_task(combiner.submit(item)) for item in range(len(sizes))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    begun = [list(one) for one in runs]
    gate.set()
    assert await asyncio.gather(*calls) == list(range(len(sizes)))
    assert begun == [[0, 1], [2, 3]]  # two at once, and no third
    assert runs[2:] == [[4], [5], [6, 7]]


def test_threads_run_so_many_at_once():
    both, together = threading.Barrier(2), []

    def run(items: Sequence[int]) -> list[int | Exception]:
        if len(items) == 1 and items[0] < 2:
            both.wait(60)  # it ends only where two are under way
        together.append(list(items))
        return list(items)

    combiner = Combiner[int, int](run, at_once=2)
    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(combiner.submit, range(2))) == [0, 1]
        assert sorted(pool.map(combiner.submit, range(2, 200))) == list(range(2, 200))
    assert sorted(item for one in together for item in one) == list(range(200))
    assert combiner._running == 0
    assert not combiner._waiting


async def test_items_that_come_as_one_are_answered_each_and_those_refused_fail_alone():
    runs: list[list[int]] = []

    async def run(items: Sequence[int]) -> list[int | Exception]:
        runs.append(list(items))
        if 13 in items:
            raise StoreQueryError("13")
        return [item * 10 for item in items]

    combiner = AsyncCombiner[int, int](run, weigh=lambda item: 100)
    first, second = await asyncio.gather(
        combiner.submit_all([1, 2, 3, 4, 5]), combiner.submit_all([12, 13])
    )
    assert first == [10, 20, 30, 40, 50]
    assert second[0] == 120
    assert isinstance(second[1], StoreQueryError)
    assert runs == [[1, 2, 3, 4], [12, 13], [12], [13], [5]]
    assert await combiner.submit_all([]) == []


def test_threads_submit_several_items_as_one():
    combiner = Combiner[int, int](lambda items: [item * 10 for item in items], weigh=lambda _: 150)
    assert combiner.submit_all([1, 2, 3]) == [10, 20, 30]


async def test_who_cannot_use_the_store_does_not_wait():
    def refuse() -> None:
        raise ClosedError

    with pytest.raises(ClosedError):
        await AsyncCombiner[int, int](_never, check=refuse).submit(1)


async def _never(items: Sequence[int]) -> list[int | Exception]:
    raise AssertionError(items)
