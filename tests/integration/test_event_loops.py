"""An asynchronous orchestrator belongs to the event loop in which it was connected."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Iterator

import pytest

from graph_orch import AsyncOrchestrator, Worker
from graph_orch.errors import ClosedError, OtherLoopError

CALLS = {
    "read": lambda o: o.tasks.poll_tasks(),
    "write": lambda o: o.tasks.create_task("x", "any"),
    "together": lambda o: o.tasks.claim_tasks("ada"),
    "wait": lambda o: o.tasks.claim_tasks("ada", wait_seconds=60),
    "transaction": lambda o: o.agents.register_agent("ada", []),
    "query": lambda o: o.graph.query("RETURN 1"),
    "doctor": lambda o: o.doctor(),
}
AT_ONCE_SECONDS = 30


async def events(orch: AsyncOrchestrator) -> None:
    async for _ in orch.events.subscribe(0, idle_seconds=60):
        pass


@pytest.fixture
def home() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that goes on in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def opened(server) -> AsyncOrchestrator:
    return await AsyncOrchestrator.connect(*server)


def test_every_call_in_another_loop_says_so_and_none_hangs(server, wiped, home):
    orch = asyncio.run_coroutine_threadsafe(opened(server), home).result(60)

    async def elsewhere() -> None:
        for call in [*CALLS.values(), events] * 2:
            with pytest.raises(OtherLoopError, match=r"connect\(\) in this one"):
                async with asyncio.timeout(AT_ONCE_SECONDS):
                    await call(orch)

    asyncio.run(elsewhere())
    made = asyncio.run_coroutine_threadsafe(orch.tasks.create_task("x", "any"), home)
    assert made.result(60)  # nothing is wrong at home
    asyncio.run(orch.close())  # which is done at home
    with pytest.raises(ClosedError):
        asyncio.run(orch.tasks.poll_tasks())


def test_a_loop_that_has_ended_took_the_connections_with_it(server, wiped):
    orch = asyncio.run(opened(server))
    for _ in range(2):
        with pytest.raises(OtherLoopError):
            asyncio.run(orch.tasks.poll_tasks())
    asyncio.run(orch.close())
    asyncio.run(orch.close())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # which it deserves
        del orch
        gc.collect()


def test_a_worker_has_connections_of_its_own_loop(server, wiped, home):
    orch = asyncio.run_coroutine_threadsafe(opened(server), home).result(60)
    worker = Worker(orch, "ada", [])

    @worker.task("any")
    async def handle(ctx):
        worker.stop()

    asyncio.run_coroutine_threadsafe(orch.tasks.create_task("x", "any"), home).result(60)
    worker.run()
    asyncio.run_coroutine_threadsafe(orch.close(), home).result(60)
