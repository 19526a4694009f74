"""PgQueuer: as many queue managers as workers, a connection each, as its own benchmark has it."""

import asyncio
import importlib
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

from benchmarks.peers.lifecycle import Plan, Run, Tally
from benchmarks.peers.postgres import PostgresPeer

ENTRYPOINT = "benchmark"

asyncpg: Any = importlib.import_module("asyncpg")  # it ships no types


class PgQueuerPeer(PostgresPeer):
    name = "PgQueuer"
    distribution = "pgqueuer"

    async def install(self) -> None:
        async with AsyncExitStack() as stack:
            await (await self._connect(stack, asyncio.Event())).install()

    @asynccontextmanager
    async def open(self, plan: Plan, tally: Tally) -> AsyncGenerator[Run]:
        gate = asyncio.Event()
        async with AsyncExitStack() as stack:
            stores = [await self._connect(stack, gate) for _ in range(plan.workers)]
            await stores[0].clear_queue()
            await stores[0].clear_queue_log()
            await stores[0].clear_statistics_log()
            yield _PgQueuerRun(stores, gate, plan, tally)

    async def _connect(self, stack: AsyncExitStack, gate: asyncio.Event) -> "_GatedQueries":
        connection = await asyncpg.connect(self.url)
        stack.push_async_callback(connection.close)
        return _GatedQueries(AsyncpgDriver(connection), gate)


class _GatedQueries(Queries):
    """Holds the first dequeue back until the gate opens.

    A queue manager checks its schema with some fifteen queries when it starts, which sixteen of
    them would add to the time of a short run. With the gate they have started before it begins.
    """

    def __init__(self, driver: AsyncpgDriver, gate: asyncio.Event) -> None:
        super().__init__(driver)
        self.waiting = asyncio.Event()
        self._gate = gate

    async def dequeue(self, *args: Any, **kwargs: Any) -> list[Job]:
        self.waiting.set()
        await self._gate.wait()
        return await super().dequeue(*args, **kwargs)


class _PgQueuerRun:
    """`batch_size` is how many a manager takes at a time, and how many completions it gathers."""

    def __init__(
        self, stores: Sequence[_GatedQueries], gate: asyncio.Event, plan: Plan, tally: Tally
    ) -> None:
        self._stores = stores
        self._idle = list(stores)  # as many as producers, so one is always there
        self._gate = gate
        self._plan = plan
        self._tally = tally

    async def create(self, tasks: range) -> None:
        store = self._idle.pop()
        payloads: list[bytes | None] = [str(number).encode() for number in tasks]
        try:
            if self._plan.batch is None:
                await store.enqueue(ENTRYPOINT, payloads[0])
            else:
                size = len(payloads)
                await store.enqueue([ENTRYPOINT] * size, payloads, [0] * size)
        finally:
            self._idle.append(store)

    async def drain(self) -> float:
        managers = [_manager(store, self._tally) for store in self._stores]
        async with asyncio.TaskGroup() as running:
            for manager in managers:
                running.create_task(manager.run(batch_size=self._plan.batch or 1))
            await asyncio.gather(*(store.waiting.wait() for store in self._stores))
            started = time.perf_counter()
            self._gate.set()
            await self._tally.complete.wait()
            for manager in managers:
                manager.shutdown.set()
        # A manager ends when its last completions are in the store
        return time.perf_counter() - started

    async def completed(self) -> int:
        log = await self._stores[0].queue_log()
        return sum(entry.status == "successful" for entry in log)


def _manager(store: Queries, tally: Tally) -> QueueManager:
    manager = QueueManager(store)

    @manager.entrypoint(ENTRYPOINT)
    async def benchmark(job: Job) -> None:
        assert job.payload is not None
        tally.count(int(job.payload))

    return manager
