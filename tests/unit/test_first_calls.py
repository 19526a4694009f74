"""How calls go to a server that has not planned their statements yet."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_orch._async.first_calls import AT_ONCE, AsyncFirstCalls
from graph_orch._sync.first_calls import FirstCalls


async def test_one_goes_first_and_then_all_go_together():
    calls, inside, most = AsyncFirstCalls(), 0, []
    together = asyncio.Barrier(20)

    async def call() -> None:
        nonlocal inside
        async with calls.turn("claim"):
            inside += 1
            most.append(inside)
            if len(most) <= AT_ONCE:
                await asyncio.sleep(0.01)
            else:
                await together.wait()
            inside -= 1

    async with asyncio.timeout(20):
        await asyncio.gather(*(call() for _ in range(20 + AT_ONCE)))
    assert max(most[:AT_ONCE]) <= AT_ONCE
    assert max(most) == 20

    calls.forget()  # now the server may be another
    async with calls.turn("claim"), calls.turn("complete"):
        third = asyncio.ensure_future(calls._turns.take(0.05))
        assert not await third


def test_threads_go_in_the_same_way():
    calls, together = FirstCalls(), threading.Barrier(20)
    with calls.turn("claim"):
        pass

    def call() -> None:
        with calls.turn("claim"):
            together.wait(20)

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: call(), range(20)))


@pytest.mark.parametrize("fails", [True, False])
def test_who_waits_too_long_goes_on(monkeypatch, fails):
    monkeypatch.setattr("graph_orch._sync.first_calls.LONGEST_WAIT_SECONDS", 0.01)
    calls = FirstCalls()
    with calls.turn("claim"), calls.turn("claim"), calls.turn("complete"), calls.turn("poll"):
        pass  # a call may wait for another that has no turn yet
    if fails:
        calls.forget()
        with pytest.raises(OSError, match="lost"), calls.turn("claim"):
            raise OSError("lost")
        assert "claim" not in calls._planned
    assert all(calls._turns.take(0.01) for _ in range(AT_ONCE)), "every turn was given back"
