"""A call has a time, whatever it does with being cancelled."""

from __future__ import annotations

import asyncio
import threading

import pytest

from graph_orch.tools.call import within


async def test_one_that_swallows_its_cancellation_is_left():
    ended = asyncio.Event()

    async def stubborn():
        while True:
            try:
                await ended.wait()
                return
            except asyncio.CancelledError:
                pass

    with pytest.raises(TimeoutError):
        await within(0.01, stubborn())
    ended.set()


async def test_one_that_works_in_a_thread_is_left():
    ended = threading.Event()
    with pytest.raises(TimeoutError):
        await within(0.01, asyncio.to_thread(ended.wait))
    ended.set()


async def test_answers_and_errors_come_as_they_are():
    async def failing():
        raise KeyError("x")

    assert await within(60, asyncio.sleep(0, "answer")) == "answer"
    with pytest.raises(KeyError):
        await within(60, failing())


async def test_who_goes_takes_the_call_along():
    cancelled = asyncio.Event()

    async def waiting():
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    caller = asyncio.create_task(within(60, waiting()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.wait_for(cancelled.wait(), 60)
