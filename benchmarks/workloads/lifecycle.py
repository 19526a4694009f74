"""Whole lives of tasks, through the package: created, handed out, started, completed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from benchmarks.peers import Lifecycle
from benchmarks.store import Store
from graph_orch import (
    AsyncContext,
    AsyncOrchestrator,
    Claim,
    NewTask,
    RetryPolicy,
    Worker,
)
from graph_orch._sync.creation import insertion
from graph_orch.domain.models import Completion
from graph_orch.store.statements import statement

T = TypeVar("T")
LEASE_SECONDS = 600.0
CREATE_BATCH = 1_000
BATCH = 200
SLOTS = 1_000_000


def one_by_one(store: Store, tasks: int, workers: int) -> Lifecycle:
    """A transaction for each step: create, claim and start, complete."""
    return asyncio.run(_with(store, lambda orch: _one_by_one(orch, tasks, workers)))


def in_batches(store: Store, tasks: int, workers: int, batch: int) -> Lifecycle:
    """The same steps, `batch` tasks at a time."""
    return asyncio.run(_with(store, lambda orch: _in_batches(orch, tasks, workers, batch)))


def through_worker(store: Store, tasks: int, concurrency: int, prefetch: int) -> Lifecycle:
    """Created in batches, and worked off by a `Worker` with a handler that does nothing."""
    return asyncio.run(
        _with(store, lambda orch: _through_worker(orch, tasks, concurrency, prefetch))
    )


def claims_on_one_lane(store: Store, tasks: int, workers: int) -> tuple[float, int]:
    """Claims a second, each of one task, and how many tasks were given out twice."""
    return asyncio.run(_with(store, lambda orch: _claims(orch, tasks, workers)))


async def _with(store: Store, work: Callable[[AsyncOrchestrator], Awaitable[T]]) -> T:
    async with AsyncOrchestrator.connect(store.uri, store.auth, store.database) as orch:
        return await work(orch)


def _new(number: int) -> list[NewTask]:
    return [
        NewTask(content="nothing", task_type="noop", requirements=("bench",)) for _ in range(number)
    ]


async def _agents(orch: AsyncOrchestrator, workers: int) -> list[str]:
    names = [f"bench-{number}" for number in range(workers)]
    for name in names:
        await orch.agents.register_agent(name, ["bench"], max_concurrent_tasks=SLOTS)
    await orch.tasks.create_tasks(_new(1))  # the lane is there, and every statement is planned
    for claim in await orch.tasks.claim_tasks(names[0], start=True):
        await orch.tasks.complete(claim)
    return names


async def _gather(number: int, work: Callable[[int], Awaitable[None]]) -> float:
    """Seconds that so many coroutines take together."""
    began = time.perf_counter()
    await asyncio.gather(*(work(place) for place in range(number)))
    return time.perf_counter() - began


async def _one_by_one(orch: AsyncOrchestrator, tasks: int, workers: int) -> Lifecycle:
    names = await _agents(orch, workers)
    done: Counter[str] = Counter()

    async def create(place: int) -> None:
        for _ in range(place, tasks, workers):
            await orch.tasks.create_task("nothing", "noop", requirements=["bench"])

    async def drain(place: int) -> None:
        while claims := await orch.tasks.claim_tasks(
            names[place], lease_seconds=LEASE_SECONDS, start=True
        ):
            done[(await orch.tasks.complete(claims[0])).task_id] += 1

    created = await _gather(workers, create)
    return _lifecycle(tasks, created, await _gather(workers, drain), done)


async def _in_batches(orch: AsyncOrchestrator, tasks: int, workers: int, batch: int) -> Lifecycle:
    names = await _agents(orch, workers)
    done: Counter[str] = Counter()
    batches = [_new(min(batch, tasks - first)) for first in range(0, tasks, batch)]

    async def create(place: int) -> None:
        for some in batches[place::workers]:
            await orch.tasks.create_tasks(some)

    async def drain(place: int) -> None:
        while claims := await orch.tasks.claim_tasks(
            names[place], batch, lease_seconds=LEASE_SECONDS, start=True
        ):
            done.update(await _completed(orch, claims))

    created = await _gather(workers, create)
    return _lifecycle(tasks, created, await _gather(workers, drain), done)


async def _completed(orch: AsyncOrchestrator, claims: Sequence[Claim]) -> list[str]:
    ends = await orch.tasks.complete_all([Completion(claim=claim) for claim in claims])
    return [claim.task_id for claim, end in zip(claims, ends, strict=True) if end is None]


async def _through_worker(
    orch: AsyncOrchestrator, tasks: int, concurrency: int, prefetch: int
) -> Lifecycle:
    await _agents(orch, 1)
    done: Counter[str] = Counter()
    worker = Worker(orch, "bench-worker", ["bench"], concurrency, prefetch=prefetch)

    @worker.task("noop")
    async def noop(ctx: AsyncContext) -> None:
        done[ctx.task.task_id] += 1

    batches = [_new(min(BATCH, tasks - first)) for first in range(0, tasks, BATCH)]

    async def create(place: int) -> None:
        for some in batches[place::concurrency]:
            await orch.tasks.create_tasks(some)

    created = await _gather(concurrency, create)
    began = time.perf_counter()
    serving = asyncio.create_task(worker.serve())
    while len(done) < tasks or (await orch.tasks.get_queue_statistics()).active_count():
        await asyncio.sleep(0.005)
    drained = time.perf_counter() - began
    worker.stop()
    await serving
    return _lifecycle(tasks, created, drained, done)


def _lifecycle(tasks: int, created: float, drained: float, done: Counter[str]) -> Lifecycle:
    twice = sum(number - 1 for number in done.values())
    if len(done) != tasks or twice:
        raise RuntimeError(f"{tasks} tasks, but {len(done)} were done, and {twice} of them twice")
    return Lifecycle(
        tasks=tasks, create_seconds=created, drain_seconds=drained, done=len(done), duplicates=twice
    )


def creates(store: Store, tasks: int) -> tuple[float, float]:
    """Tasks a second that are created in batches: by the package, and by the bare driver."""
    create = statement("tasks/create").text
    store.orch.tasks.create_tasks(_new(CREATE_BATCH))  # the lane is there, the statement is planned
    ours = bare = 0.0
    for _ in range(0, tasks, CREATE_BATCH):
        batch = _new(CREATE_BATCH)
        params = insertion(_new(CREATE_BATCH), RetryPolicy()) | {"now": None}
        began = time.perf_counter()
        store.orch.tasks.create_tasks(batch)
        between = time.perf_counter()
        store.run(create, **params)
        ours += between - began
        bare += time.perf_counter() - between
    return tasks / ours, tasks / bare


async def _claims(orch: AsyncOrchestrator, tasks: int, workers: int) -> tuple[float, int]:
    names = await _agents(orch, workers)
    for first in range(0, tasks, CREATE_BATCH):
        await orch.tasks.create_tasks(_new(min(CREATE_BATCH, tasks - first)))
    given: Counter[str] = Counter()

    async def claim(place: int) -> None:
        while claims := await orch.tasks.claim_tasks(names[place], lease_seconds=LEASE_SECONDS):
            given[claims[0].task_id] += 1

    seconds = await _gather(workers, claim)
    return len(given) / seconds, sum(number - 1 for number in given.values())
