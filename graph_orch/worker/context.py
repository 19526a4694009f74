"""What a handler is given, and what a worker knows of its work."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from pydantic import JsonValue

from graph_orch._async.claims import heartbeat_of
from graph_orch._async.tasks import AsyncTaskQueue
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import Claim, Task
from graph_orch.errors import text_of
from graph_orch.logs import logger_of
from graph_orch.settings import Address
from graph_orch.worker.failures import number_of, storable_text

MOST_MESSAGE = 2_000
Handler = Callable[[Any], Any]
"""Takes a Context (a plain function) or an AsyncContext (a coroutine function).

It returns what pydantic can write as JSON; what can be awaited is awaited.
"""


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is told. `slots` are the agent's: `concurrency` and what is held beyond."""

    address: Address
    agent_id: str
    worker_id: str
    concurrency: int
    slots: int
    lease_seconds: float
    grace_seconds: float
    spread: int

    @property
    def beat_seconds(self) -> float:
        """How long it is from one beat of the heart to the next."""
        return self.lease_seconds / 3

    @property
    def ahead(self) -> int:
        """How many tasks may be held beyond those that run."""
        return self.slots - self.concurrency


@dataclass(eq=False)
class Job:
    """A claim that this process holds, and how far its work is."""

    claim: Claim
    progress: tuple[float | None, str | None] = (None, None)
    cancelled: bool = False
    alarm: threading.Event | None = None
    """What wakes a handler that sleeps in a thread."""
    running: asyncio.Task[None] | None = None
    began: float | None = None
    """When its handler began, by `time.perf_counter`."""
    in_thread: bool = False
    """Its handler runs in a thread, which nothing can end but the handler itself."""
    ended: bool = False
    """Its handler has ended, or will not begin, and that is being told."""
    told: bool = False
    """The queue knows that its handler has begun."""
    lost: bool = False
    """The worker has lost its task: there is nothing to tell."""
    timer: asyncio.TimerHandle | None = None
    """When its time to finish is over."""
    command_id: str = field(default_factory=new_hex)

    def heartbeat(self, *, tells_start: bool = False) -> dict[str, Any]:
        """What keeps the claim, and says how far the work is, or that it began."""
        claim, (progress, message) = self.claim, self.progress
        return heartbeat_of(
            claim.task_id,
            claim.attempt,
            claim.lease_seconds,
            progress,
            message,
            self.began if tells_start else None,
            f"{self.command_id}s",  # the id that the completion gives to the event that it began
        )

    def cancel(self) -> None:
        """Tell the handler that nobody wants its result any more; a coroutine is cancelled."""
        self.cancelled = True
        if self.alarm is not None:
            self.alarm.set()
        # A coroutine that has not begun does not notice a cancellation; it looks when it begins.
        if self.running is not None and self.began is not None and not self.in_thread:
            self.running.cancel()


class _Results(dict[str, JsonValue]):
    """Results of dependencies that may be awaited too."""

    def __await__(self) -> Generator[None, None, dict[str, JsonValue]]:
        yield from ()
        return self


class _Context:
    def __init__(self, job: Job, queue: AsyncTaskQueue, loop: asyncio.AbstractEventLoop) -> None:
        self._job = job
        self._queue = queue
        self._loop = loop

    @cached_property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """Where the handler may write; its records bear the id of the task and the attempt."""
        return logging.LoggerAdapter(
            logger_of(f"graph_orch.task.{self.task.task_type}"),
            {"task_id": self.task.task_id, "attempt": self.attempt},
        )

    @property
    def task(self) -> Task:
        """The task, as it was when it was claimed."""
        return self._job.claim.task

    @property
    def attempt(self) -> int:
        """Which try this is, from 1: the fencing token, to be passed to whatever takes one."""
        return self._job.claim.attempt

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody wants the result: the task was cancelled or lost, or the worker ends."""
        return self._job.cancelled

    def heartbeat(self, progress: float | None = None, message: str | None = None) -> None:
        """Say how far the work is (0 to 1), with a message; the next heartbeat sends both.

        The worker keeps the lease without this. A number below 0 counts as 0, one above 1 as 1;
        what is no number is logged and left out. 2,000 characters of the message are kept.
        """
        ratio, word = self._job.progress
        if progress is not None:
            number = number_of(progress)
            if number is None:
                said = text_of(progress)
                self.logger.warning("a progress of %.200s is no number from 0 to 1", said)
            else:
                ratio = min(max(number, 0.0), 1.0)
        if message is not None:
            word = storable_text(text_of(message), MOST_MESSAGE)
        self._job.progress = ratio, word


class Context(_Context):
    """What a plain handler is given."""

    def __init__(self, job: Job, queue: AsyncTaskQueue, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(job, queue, loop)
        self._thread = threading.get_ident()
        self._alarm = job.alarm = threading.Event()  # in the loop's thread, as is `Job.cancel`
        if job.cancelled:
            self._alarm.set()

    def results(self) -> dict[str, JsonValue]:
        """What the task's dependencies gave, by their ids.

        Where a plain function gave a coroutine, that may await it.
        """
        asked = self._queue.get_dependency_results(self.task.task_id)
        if threading.get_ident() == self._thread:  # to wait here would be to wait for oneself
            return cast(dict[str, JsonValue], asked)
        return _Results(asyncio.run_coroutine_threadsafe(asked, self._loop).result())

    def wait_cancelled(self, seconds: float) -> bool:
        """Sleep until the time is up or nobody wants the result any more; whether the latter."""
        return self._alarm.wait(seconds)


class AsyncContext(_Context):
    """What a coroutine handler is given. It is cancelled when nobody wants its result."""

    async def results(self) -> dict[str, JsonValue]:
        """What the task's dependencies gave, by their ids."""
        return await self._queue.get_dependency_results(self.task.task_id)
