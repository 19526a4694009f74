"""What a handler is given, and how it says that its task failed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import JsonValue

from graph_orch._async.tasks import AsyncTaskQueue
from graph_orch.checks import RATIO, SECONDS, TEXT
from graph_orch.ids import new_hex
from graph_orch.lifecycle import ErrorClass
from graph_orch.models import Claim, Task
from graph_orch.settings import Address

Handler = Callable[[Any], Any]
"""Takes a Context (a plain function) or an AsyncContext (a coroutine function); returns JSON."""


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
    def ahead(self) -> int:
        """How many tasks may be held beyond those that run."""
        return self.slots - self.concurrency


class TaskFailure(Exception):
    """Raised by a handler to say how the task failed, and so what follows.

    Args:
        error_class: "transient", "permanent", "capability" or "budget", see `fail_task`.
        retry_after: Seconds until the next try.
        exclude_agent: Do not give the task to this agent again.
    """

    def __init__(
        self,
        message: str,
        error_class: ErrorClass | str = ErrorClass.TRANSIENT,
        *,
        retry_after: float | None = None,
        exclude_agent: bool = False,
    ) -> None:
        super().__init__(message)
        self.error_class = ErrorClass(error_class)
        self.retry_after = SECONDS.of("retry_after", retry_after)
        self.exclude_agent = exclude_agent


@dataclass
class Job:
    """A claim that this process holds, and how far its work is."""

    claim: Claim
    progress: tuple[float | None, str | None] = (None, None)
    cancelled: bool = False
    alarm: threading.Event | None = None
    """What wakes a handler that sleeps in a thread."""
    running: asyncio.Task[None] | None = None
    begun: bool = False
    lost: bool = False
    command_id: str = field(default_factory=new_hex)

    def cancel(self) -> None:
        """Let the handler see that its work is in vain."""
        self.cancelled = True
        if self.alarm is not None:
            self.alarm.set()


class _Context:
    def __init__(self, job: Job, queue: AsyncTaskQueue, loop: asyncio.AbstractEventLoop) -> None:
        self._job = job
        self._queue = queue
        self._loop = loop

    @cached_property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """Where the handler may write; its records bear the id of the task and the attempt."""
        return logging.LoggerAdapter(
            logging.getLogger(f"graph_orch.task.{self.task.task_type}"),
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
        """Whether the work is in vain: the task was cancelled or lost, or the worker ends."""
        return self._job.cancelled

    def heartbeat(self, progress: float | None = None, message: str | None = None) -> None:
        """Say how far the work is (0 to 1), and a word on it; it is sent with the next beat.

        The lease is kept without it.
        """
        said = RATIO.of("progress", progress), TEXT.of("message", message)
        before = self._job.progress
        self._job.progress = (
            before[0] if said[0] is None else said[0],
            before[1] if said[1] is None else said[1],
        )


class Context(_Context):
    """What a plain handler is given."""

    def __init__(self, job: Job, queue: AsyncTaskQueue, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(job, queue, loop)
        self._alarm = job.alarm = threading.Event()  # in the loop's thread, as is `Job.cancel`
        if job.cancelled:
            self._alarm.set()

    def results(self) -> dict[str, JsonValue]:
        """What the task's dependencies gave, by their ids."""
        asked = self._queue.get_dependency_results(self.task.task_id)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    def wait_cancelled(self, seconds: float) -> bool:
        """Sleep, but no longer than the work is wanted; whether it is in vain."""
        return self._alarm.wait(seconds)


class AsyncContext(_Context):
    """What a coroutine handler is given. Where the work is in vain, it is cancelled."""

    async def results(self) -> dict[str, JsonValue]:
        """What the task's dependencies gave, by their ids."""
        return await self._queue.get_dependency_results(self.task.task_id)
