"""Workers: processes that claim tasks, run handlers on them, and say how it ended.

    worker = Worker(orch, "ada", ["research"], concurrency=8)

    @worker.task("research")
    async def research(ctx):            # or a plain function, which runs in a thread
        ctx.heartbeat(0.5, "half way")
        return {"found": len(ctx.task.content)}

    worker.run()                        # until SIGTERM

Claims, completions and handlers live in one event loop. Heartbeats are sent from a thread of their
own, so that a handler that blocks the loop does not lose its lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import JsonValue

from graph_orch._async.agents import AsyncAgentRegistry
from graph_orch._async.graph import AsyncGraph
from graph_orch._async.orchestrator import AsyncOrchestrator
from graph_orch._async.tasks import AsyncTaskQueue
from graph_orch._sync.graph import Graph
from graph_orch._sync.orchestrator import Orchestrator
from graph_orch._sync.tasks import TaskQueue
from graph_orch.checks import JSON, LEASE, NAME, NAMES, RATIO, SECONDS, SLOTS, TEXT
from graph_orch.errors import OrchestrationError, StoreError, TaskError, ValidationError
from graph_orch.lifecycle import ErrorClass, TaskStatus
from graph_orch.models import Claim, Completion, Task

T = TypeVar("T")
Handler = Callable[[Any], Any]
"""Takes a Context (a plain function) or an AsyncContext (a coroutine function); returns JSON."""

ANY = "*"
LOOK_SECONDS = 5.0
"""How long one wait for work is; then leases and deadlines are looked at again."""
PAUSE_SECONDS = 1.0
"""How long to wait when the server is away, before asking again."""
LONGEST_ERROR = 100_000
MOST_AT_ONCE = 200
"""How many tasks are completed in one transaction."""
logger = logging.getLogger("graph_orch.worker")


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
class _Job:
    """A claim that this process holds, and how far its work is."""

    claim: Claim
    progress: tuple[float | None, str | None] = (None, None)
    cancelled: threading.Event = field(default_factory=threading.Event)
    running: asyncio.Task[None] | None = None
    lost: bool = False
    command_id: str = field(default_factory=lambda: str(uuid4()))


class _Context:
    def __init__(self, job: _Job, queue: AsyncTaskQueue, loop: asyncio.AbstractEventLoop) -> None:
        self._job = job
        self._queue = queue
        self._loop = loop
        self.logger = logging.LoggerAdapter(
            logging.getLogger(f"graph_orch.task.{job.claim.task.task_type}"),
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
        return self._job.cancelled.is_set()

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

    def results(self) -> dict[str, JsonValue]:
        """What the task's dependencies gave, by their ids."""
        asked = self._queue.get_dependency_results(self.task.task_id)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    def wait_cancelled(self, seconds: float) -> bool:
        """Sleep, but no longer than the work is wanted; whether it is in vain."""
        return self._job.cancelled.wait(seconds)


class AsyncContext(_Context):
    """What a coroutine handler is given. Where the work is in vain, it is cancelled."""

    async def results(self) -> dict[str, JsonValue]:
        """What the task's dependencies gave, by their ids."""
        return await self._queue.get_dependency_results(self.task.task_id)


class Worker:
    """Claims an agent's tasks and runs handlers on them until it is told to stop."""

    def __init__(
        self,
        orch: Orchestrator | AsyncOrchestrator,
        agent_id: str,
        capabilities: Sequence[str],
        concurrency: int = 10,
        *,
        lease_seconds: float = 30,
        grace_seconds: float = 30,
        prefetch: int = 0,
        claim_spread: int = 1,
        metadata: dict[str, JsonValue] | None = None,
        worker_id: str | None = None,
    ) -> None:
        """A worker for an agent, which it registers when it runs.

        Args:
            orch: Where the tasks are; the worker makes connections of its own to the same place.
            concurrency: How many handlers run at once.
            lease_seconds: How long a claim outlives this process; it is kept by a beat every third
                of that.
            grace_seconds: How long running handlers may go on after SIGTERM.
            prefetch: How many tasks to hold beyond those that run. The agent has
                `concurrency + prefetch` slots.
            claim_spread: See `TaskQueue`.
        """
        self.agent_id = NAME.of("agent_id", agent_id)
        self.worker_id = NAME.of(
            "worker_id", worker_id or f"{socket.gethostname()[:100]}-{os.getpid()}-{uuid4()}"
        )
        self.concurrency = SLOTS.of("concurrency", concurrency)
        self.slots = SLOTS.of("prefetch", self.concurrency + prefetch)
        self.lease_seconds = LEASE.of("lease_seconds", lease_seconds) or 30.0
        self.grace_seconds = SECONDS.of("grace_seconds", grace_seconds) or 0.0
        self._capabilities = NAMES.of("capabilities", list(capabilities))
        self._metadata = metadata
        self._address = orch.graph.address
        self._spread = claim_spread
        self._handlers: dict[str, Handler] = {}
        self._run: _Run | None = None
        self._stopping = False

    def task(self, task_type: str = ANY) -> Callable[[Handler], Handler]:
        """Decorate the handler of a task type; without one, of every type that has no other.

        Only tasks that have a handler are claimed.
        """
        name = NAME.of("task_type", task_type)

        def register(handler: Handler) -> Handler:
            if name in self._handlers:
                raise ValidationError(f"the task type {name!r} has a handler already")
            self._handlers[name] = handler
            return handler

        return register

    def run(self) -> None:
        """Work until SIGTERM, SIGINT or `stop()`; then drain. Owns an event loop meanwhile."""
        asyncio.run(self.serve(handle_signals=True))

    async def serve(self, *, handle_signals: bool = False) -> None:
        """Work in the running event loop until `stop()`, then drain.

        Draining starts nothing new, lets what runs go on for `grace_seconds`, and gives back the
        rest: no retry is spent.

        Raises:
            ValidationError: no handler is registered.
        """
        if not self._handlers:
            raise ValidationError("the worker has no handler: decorate one with @worker.task(…)")
        graph = await AsyncGraph.connect(
            self._address.uri, self._address.auth, self._address.database
        )
        try:
            registry = AsyncAgentRegistry(graph)
            await registry.register_agent(
                self.agent_id,
                self._capabilities,
                self._metadata,
                max_concurrent_tasks=self.slots,
            )
            self._run = _Run(self, graph, self._handlers)
            if self._stopping:
                self._run.stop()
            with _signals(self.stop) if handle_signals else contextlib.nullcontext():
                await self._run.work()
        finally:
            self._run = None
            await graph.close()

    def stop(self) -> None:
        """Drain, and end; asked twice, end at once. Safe from any thread and signal handler."""
        again, self._stopping = self._stopping, True
        run = self._run
        if run is not None:
            run.loop.call_soon_threadsafe(run.abort if again else run.stop)

    def connect_heart(self) -> Graph:
        """The connection that heartbeats go over."""
        return Graph.connect(self._address.uri, self._address.auth, self._address.database)

    @property
    def spread(self) -> int:
        """See `TaskQueue`."""
        return self._spread


class _Run:
    """One run of a worker: what it holds, and the loops that claim, work and complete."""

    def __init__(self, worker: Worker, graph: AsyncGraph, handlers: dict[str, Handler]) -> None:
        self.worker = worker
        self.loop = asyncio.get_running_loop()
        self.queue = AsyncTaskQueue(graph, claim_spread=worker.spread)
        self.jobs: dict[str, _Job] = {}
        self._graph = graph
        self._handlers = handlers
        self._types = None if ANY in handlers else sorted(handlers)
        self._waiting: list[_Job] = []
        self._running = 0
        self._done: list[tuple[_Job, Completion]] = []
        self._room = asyncio.Event()
        self._finished = asyncio.Event()
        self._draining = asyncio.Event()
        self._aborting = asyncio.Event()
        self._closed = False
        self._reports: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Claim and work until told to stop; then drain."""
        heart = _Heart(self)
        heart.start()
        finisher = asyncio.create_task(self._finish())
        try:
            await self._claim()
            await self._drain()
        finally:
            self._closed = True
            self._finished.set()
            await finisher
            await asyncio.to_thread(heart.stop)

    def stop(self) -> None:
        """Claim nothing more."""
        self._draining.set()
        self._room.set()

    def abort(self) -> None:
        """Let nothing go on."""
        self.stop()
        self._aborting.set()

    def lose(self, rows: Sequence[tuple[str, int, str]]) -> None:
        """The claims (task_id, attempt, status) are not ours any more."""
        for task_id, attempt, status in rows:
            job = self.jobs.get(task_id)
            ended = job is None or (job.running is not None and job.running.done())
            if job is not None and not ended and job.claim.attempt == attempt:
                logger.warning(
                    "task %s: attempt %d is no longer ours, the task is %s",
                    task_id,
                    attempt,
                    status,
                )
                job.lost = True
                self._give_up(job)

    async def _claim(self) -> None:
        command_id = str(uuid4())
        while not self._draining.is_set():
            free = self.worker.slots - len(self.jobs)
            if free <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            try:
                claims = await self.queue.claim_tasks(
                    self.worker.agent_id,
                    min(free, 1_000),
                    self.worker.lease_seconds,
                    task_types=self._types,
                    start=True,
                    take_up=True,
                    worker_id=self.worker.worker_id,
                    command_id=command_id,
                )
                command_id = str(uuid4())
                if claims:
                    self._take(claims)
                else:
                    await self._unless_draining(
                        self.queue.wait_for_work(
                            self.worker.agent_id, LOOK_SECONDS, task_types=self._types
                        )
                    )
            except OrchestrationError as error:
                logger.warning("cannot claim, will try again: %s", error)
                await self._unless_draining(asyncio.sleep(PAUSE_SECONDS))

    async def _unless_draining(self, waiting: Coroutine[Any, Any, Any]) -> None:
        """Wait for something that may be dropped, but no longer than until draining begins."""
        task, drain = asyncio.ensure_future(waiting), asyncio.ensure_future(self._draining.wait())
        try:
            await asyncio.wait((task, drain), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            for one in (task, drain):
                one.cancel()
            await asyncio.gather(task, drain, return_exceptions=True)

    def _take(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            job, before = _Job(claim), self.jobs.get(claim.task_id)
            if before is not None:  # its lease ran out, and it has come back to us
                self.lose([(claim.task_id, before.claim.attempt, "claimed again")])
            self.jobs[claim.task_id] = job
            self._waiting.append(job)
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and self._running < self.worker.concurrency:
            job = self._waiting.pop(0)
            if not job.lost:
                self._running += 1
                job.running = asyncio.create_task(self._work(job))

    async def _work(self, job: _Job) -> None:
        """Run the handler of a job, and see to it that its end is told."""
        began = time.perf_counter()
        try:
            result = JSON.of("the handler's result", await self._call(job))
        except asyncio.CancelledError:
            self._report(job, self._release(job))
        except Exception as error:
            self._report(job, self._fail(job, error))
        else:
            completion = Completion.model_construct(
                claim=job.claim,
                result=result,
                metrics=None,
                duration_ms=(time.perf_counter() - began) * 1_000,
                command_id=job.command_id,
            )
            self._done.append((job, completion))
            self._finished.set()
        finally:
            self._running -= 1
            if not self._draining.is_set():
                self._start_waiting()

    async def _call(self, job: _Job) -> JsonValue:
        handler = self._handlers.get(job.claim.task.task_type) or self._handlers[ANY]
        if inspect.iscoroutinefunction(handler):
            return await handler(AsyncContext(job, self.queue, self.loop))
        return await _in_thread(handler, Context(job, self.queue, self.loop))

    async def _finish(self) -> None:
        """Tell of completed work; what comes meanwhile goes together into the next transaction."""
        while not (self._closed and not self._done):
            await self._finished.wait()
            self._finished.clear()
            while self._done:
                batch, self._done = self._done[:MOST_AT_ONCE], self._done[MOST_AT_ONCE:]
                try:
                    await self._complete(batch)
                except StoreError as error:
                    logger.warning("cannot complete, will try again: %s", error)
                    if self._closed:
                        return  # the leases will run out
                    self._done += batch
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _complete(self, batch: Sequence[tuple[_Job, Completion]]) -> None:
        answers = await self.queue.complete_all([one for _, one in batch])
        for (job, _), answer in zip(batch, answers, strict=True):
            if isinstance(answer, TaskError):
                logger.warning("a result was refused: %s", answer)
            self._forget(job)

    async def _fail(self, job: _Job, error: Exception) -> None:
        said = error if isinstance(error, TaskFailure) else TaskFailure(describe(error))
        if isinstance(error, ValidationError):
            said = TaskFailure(str(error), ErrorClass.PERMANENT)
        job_log = logging.getLogger(f"graph_orch.task.{job.claim.task.task_type}")
        expected = isinstance(error, TaskFailure)
        job_log.info("task %s failed: %s", job.claim.task_id, said, exc_info=not expected)
        await self.queue.fail(
            job.claim,
            str(said)[:LONGEST_ERROR] or type(error).__name__,
            error_class=said.error_class,
            error_types=[kind.__name__[:200] for kind in type(error).__mro__[:-1]],
            retry_after=said.retry_after,
            exclude_agent=said.exclude_agent,
            command_id=job.command_id,
        )

    async def _release(self, job: _Job) -> None:
        if not job.lost:
            await self.queue.release_task(
                job.claim.task_id,
                "the worker was stopped",
                attempt=job.claim.attempt,
                command_id=job.command_id,
            )

    def _report(self, job: _Job, report: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._reported(job, report))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _reported(self, job: _Job, report: Awaitable[None]) -> None:
        try:
            await report
        except TaskError as error:
            logger.warning("a report was refused: %s", error)
        except StoreError as error:
            logger.error("a report was lost, the lease of the task will run out: %s", error)
        finally:
            self._forget(job)

    def _forget(self, job: _Job) -> None:
        if self.jobs.get(job.claim.task_id) is job:
            del self.jobs[job.claim.task_id]
        self._room.set()

    def _give_up(self, job: _Job) -> None:
        job.cancelled.set()
        if job.running is None:
            if job in self._waiting:
                self._waiting.remove(job)
            self._report(job, self._release(job))
        else:
            job.running.cancel()

    async def _drain(self) -> None:
        """Give back what has not begun, wait for what has, and give back what does not end."""
        for job in list(self._waiting):
            self._give_up(job)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.worker.grace_seconds):
                await self._idle_or_aborted()
        for job in list(self.jobs.values()):
            if job.running is not None and not job.running.done():
                self._give_up(job)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1 if self._aborting.is_set() else LOOK_SECONDS):
                while self.jobs:
                    self._room.clear()
                    await self._room.wait()

    async def _idle_or_aborted(self) -> None:
        while self.jobs and not self._aborting.is_set():
            self._room.clear()
            await self._room.wait()


class _Heart(threading.Thread):
    """Keeps the claims of a run, and says that the worker lives, from a thread of its own."""

    def __init__(self, run: _Run) -> None:
        super().__init__(name="graph-orch-heart", daemon=True)
        self._run_ = run
        self._seconds = run.worker.lease_seconds / 3
        self._ended = threading.Event()

    def run(self) -> None:
        graph: Graph | None = None
        while not self._ended.is_set():
            try:
                graph = graph or self._run_.worker.connect_heart()
                self._beat(graph)
            except StoreError as error:
                logger.warning("a heartbeat was not heard: %s", error)
            self._ended.wait(self._seconds)
        if graph is not None:
            with contextlib.suppress(StoreError):
                graph.write("workers/leave", worker_id=self._run_.worker.worker_id)
            graph.close()

    def stop(self) -> None:
        """End, and wait for it a while."""
        self._ended.set()
        self.join(PAUSE_SECONDS * 5)

    def _beat(self, graph: Graph) -> None:
        run, worker = self._run_, self._run_.worker
        queue = TaskQueue(graph)
        jobs = list(run.jobs.copy().values())
        if jobs:
            said = {job.claim.task_id: job.progress for job in jobs}
            rows = queue.heartbeat_all([job.claim for job in jobs], said)
            lost = [
                (row["task_id"], row["attempt"], row["status"] or "gone")
                for row in rows
                if not row["kept"] and row["status"] != TaskStatus.COMPLETED
            ]
            if lost:
                run.loop.call_soon_threadsafe(run.lose, lost)
        graph.write(
            "workers/beat",
            worker_id=worker.worker_id,
            agent_id=worker.agent_id,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            concurrency=worker.concurrency,
            beat_seconds=self._seconds,
        )
        queue.wake(1)


def describe(error: BaseException) -> str:
    """An error in a line: its kind and its message."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


async def _in_thread(function: Callable[[Context], T], context: Context) -> T:
    """Run a plain function in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(set_: Callable[[Any], None], value: object) -> None:
        if not answer.done():
            set_(value)

    def run() -> None:
        try:
            outcome = answer.set_result, function(context)
        except BaseException as raised:  # handed on to whoever waits
            outcome = answer.set_exception, raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="graph-orch-handler", daemon=True).start()
    return await answer


@contextlib.contextmanager
def _signals(stop: Callable[[], None]):
    """Stop on SIGTERM and SIGINT while the block runs."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
