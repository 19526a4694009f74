"""procrastinate: one worker whose `concurrency` is the number of workers."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from procrastinate import App, PsycopgConnector
from procrastinate.types import JSONDict

from benchmarks.peers.lifecycle import Plan, Run, Tally
from benchmarks.peers.postgres import PostgresPeer


class ProcrastinatePeer(PostgresPeer):
    name = "procrastinate"
    distribution = "procrastinate"

    async def install(self) -> None:
        async with self._app(connections=1).open_async() as app:
            await app.schema_manager.apply_schema_async()

    @asynccontextmanager
    async def open(self, plan: Plan, tally: Tally) -> AsyncGenerator[Run]:
        # one for each worker, one that listens, one that fetches
        async with self._app(connections=plan.workers + 2).open_async() as app:
            await app.connector.execute_query_async(
                "TRUNCATE procrastinate_jobs, procrastinate_workers RESTART IDENTITY CASCADE"
            )
            yield _ProcrastinateRun(app, plan, tally)

    def _app(self, connections: int) -> App:
        return App(
            connector=PsycopgConnector(
                conninfo=self.url, min_size=connections, max_size=connections
            )
        )


class _ProcrastinateRun:
    """The worker's start, two statements, counts as draining: it cannot be told apart."""

    def __init__(self, app: App, plan: Plan, tally: Tally) -> None:
        self._app = app
        self._plan = plan
        self._task = app.task(name="benchmark")(_handler(tally))

    async def create(self, tasks: range) -> None:
        if self._plan.batch is None:
            await self._task.configure().defer_async(number=tasks[0])
        else:
            arguments: list[JSONDict] = [{"number": number} for number in tasks]
            await self._task.batch_defer_async(*arguments)

    async def drain(self) -> float:
        started = time.perf_counter()
        await self._app.run_worker_async(
            concurrency=self._plan.workers, wait=False, install_signal_handlers=False
        )
        return time.perf_counter() - started

    async def completed(self) -> int:
        row = await self._app.connector.execute_query_one_async(
            "SELECT count(*) AS n FROM procrastinate_jobs WHERE status = 'succeeded'"
        )
        return int(row["n"])


def _handler(tally: Tally) -> Callable[[int], Awaitable[None]]:
    async def benchmark(number: int) -> None:
        tally.count(number)

    return benchmark
