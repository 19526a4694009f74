"""What is measured of a peer: one lifecycle of tasks that do nothing, and how it is timed.

A lifecycle creates the tasks, then has the peer's own workers take, start and complete them all.
Both phases are timed with `time.perf_counter`, in seconds. Starting workers and opening connections
is not part of either, as far as the peer lets the two be told apart.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

DEADLINE = 120.0
"""Seconds after which a lifecycle that has not ended raises TimeoutError."""


@dataclass(frozen=True)
class Lifecycle:
    """Times of one lifecycle in seconds, and what its handlers saw."""

    tasks: int
    create_seconds: float
    drain_seconds: float
    done: int
    """Distinct tasks whose handler ran."""
    duplicates: int
    """Runs of a handler beyond the first for the same task."""

    @property
    def tasks_per_second(self) -> float:
        """Tasks through the whole lifecycle, create and drain, a second."""
        return self.tasks / (self.create_seconds + self.drain_seconds)

    @property
    def created_per_second(self) -> float:
        return self.tasks / self.create_seconds

    @property
    def drained_per_second(self) -> float:
        return self.tasks / self.drain_seconds


class Peer(Protocol):
    """A task queue that lives through the same lifecycle, with a server of its own.

    `start` and `stop`, or a `with` block, bring up and remove its server and schema. `lifecycle`
    must not be called from a running event loop: use `asyncio.to_thread` there.
    """

    name: str
    durability: str
    """What of a committed task survives a crash, as the peer and its server ship."""
    batches: bool
    """Whether the peer documents creating tasks in batches."""

    @property
    def version(self) -> str: ...

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def __enter__(self) -> "Peer": ...
    def __exit__(self, *_: object) -> None: ...

    def lifecycle(self, tasks: int, workers: int, batch: int | None = None) -> Lifecycle:
        """Empty the store, create `tasks` by `workers` producers, drain them by `workers` workers.

        One task a call when `batch` is None, else the peer's documented batches of that size.
        Raises TimeoutError past DEADLINE, RuntimeError when the store disagrees with the handlers,
        and ValueError for a batch where `batches` is False.
        """
        ...


@dataclass(frozen=True)
class Plan:
    """The arguments of one lifecycle. A task is a number from 0 to `tasks` - 1."""

    tasks: int
    workers: int
    batch: int | None = None

    def calls(self) -> Iterator[range]:
        """The tasks of each call that creates: one, or a batch."""
        size = self.batch or 1
        return (range(n, min(n + size, self.tasks)) for n in range(0, self.tasks, size))


class Tally:
    """Counts each run of a handler; `complete` is set once every task has run."""

    def __init__(self, tasks: int) -> None:
        self._tasks = tasks
        self._seen: set[int] = set()
        self._runs = 0
        self.complete = asyncio.Event()

    def count(self, task: int) -> None:
        self._seen.add(task)
        self._runs += 1
        if len(self._seen) == self._tasks:
            self.complete.set()

    @property
    def done(self) -> int:
        return len(self._seen)

    @property
    def duplicates(self) -> int:
        return self._runs - len(self._seen)


class Run(Protocol):
    """One lifecycle on a peer, its connections open and its store empty."""

    async def create(self, tasks: range) -> None:
        """Create these tasks in one call of the peer."""
        ...

    async def drain(self) -> float:
        """Work off every task; returns the seconds it took."""
        ...

    async def completed(self) -> int:
        """How many tasks the store holds as completed, after draining."""
        ...


async def measure(
    opening: AbstractAsyncContextManager[Run], plan: Plan, tally: Tally, name: str
) -> Lifecycle:
    """Drive one run. Raises as `Peer.lifecycle` says."""
    try:
        async with asyncio.timeout(DEADLINE), opening as run:
            created = await _create(run, plan)
            drained = await run.drain()
            completed = await run.completed()
    except TimeoutError as error:
        raise TimeoutError(
            f"{name}: {tally.done} of {plan.tasks} tasks done after {DEADLINE:.0f} s"
        ) from error
    check(plan, tally, completed, name)
    return Lifecycle(plan.tasks, created, drained, tally.done, tally.duplicates)


def check(plan: Plan, tally: Tally, completed: int, name: str) -> None:
    """Raises RuntimeError unless handlers and store both saw every task."""
    if completed != plan.tasks or tally.done != plan.tasks:
        raise RuntimeError(
            f"{name}: {plan.tasks} tasks created, {tally.done} handled, "
            f"{completed} completed in the store"
        )


async def _create(run: Run, plan: Plan) -> float:
    calls = plan.calls()  # shared: each producer takes the next call when it is free

    async def produce() -> None:
        for tasks in calls:
            await run.create(tasks)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as producers:
        for _ in range(plan.workers):
            producers.create_task(produce())
    return time.perf_counter() - started
