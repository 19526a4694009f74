"""One run of a worker: what it holds, and the loops that claim, work and complete."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from pydantic import JsonValue

from graph_orch._async.graph import AsyncGraph
from graph_orch._async.tasks import AsyncTaskQueue
from graph_orch.checks import JSON
from graph_orch.combining import MOST_ROWS
from graph_orch.errors import (
    OrchestrationError,
    StoreError,
    StoreQueryError,
    TaskError,
    ValidationError,
    describe,
)
from graph_orch.ids import new_hex
from graph_orch.lifecycle import ErrorClass
from graph_orch.models import Claim, ClaimRequest, Completion
from graph_orch.worker.context import (
    AsyncContext,
    Context,
    Handler,
    Job,
    TaskFailure,
    WorkerSettings,
)
from graph_orch.worker.heart import Heart, Lost

T = TypeVar("T")
ANY = "*"
LOOK_SECONDS = 5.0
"""How long one wait for work is; then leases and deadlines are looked at again."""
PAUSE_SECONDS = 1.0
"""How long to wait when the server is away, before asking again."""
LONGEST_ERROR = 100_000
LAST_SECONDS = 2.0
"""How long a claim may still take when the worker is told to stop, and a completion beyond its
grace: a store that is away is asked again for longer than whoever stops a worker waits."""
SENDING_SECONDS = 0.001
"""How long it takes at most to send what is ready to be sent."""
logger = logging.getLogger("graph_orch.worker")


class Run:
    """One run of a worker: what it holds, and the loops that claim, work and complete."""

    def __init__(
        self, settings: WorkerSettings, graph: AsyncGraph, handlers: dict[str, Handler]
    ) -> None:
        self._settings = settings
        self.loop = asyncio.get_running_loop()
        self.queue = AsyncTaskQueue(graph, claim_spread=settings.spread)
        self.jobs: dict[str, Job] = {}
        self._graph = graph
        self._handlers = handlers
        self._awaited = {name: inspect.iscoroutinefunction(it) for name, it in handlers.items()}
        self._types = None if ANY in handlers else sorted(handlers)
        self._waiting: deque[Job] = deque()
        self._running = 0
        self._done: list[tuple[Job, Completion]] = []
        self._room = asyncio.Event()
        self._finished = asyncio.Event()
        # Claims and completions lock the same agent. To wait for each other here is quicker than at
        # the server, where who waits for a lock sleeps for longer each time it looks.
        self._turn = asyncio.Lock()
        self._draining = asyncio.Event()
        self._aborting = asyncio.Event()
        self._claiming = asyncio.timeout(None)
        self._completing = asyncio.timeout(None)
        self._complete_by: float | None = None
        self._closed = False
        self._reports: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Claim and work until told to stop; then drain."""
        heart = Heart(
            self._settings, lambda: list(self.jobs.copy().values()), self._lose_soon, self._types
        )
        heart.start()
        finisher = asyncio.create_task(self._finish())
        finisher.add_done_callback(lambda _: self.abort())  # it ends before us only by an error
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
        self._hurry(self._settings.grace_seconds)

    def abort(self) -> None:
        """Let nothing go on."""
        self.stop()
        self._aborting.set()
        self._hurry(0.0)

    def _hurry(self, grace_seconds: float) -> None:
        """Let what is asked of the store now, and later, not take longer than a stop may."""
        now = self.loop.time()
        self._complete_by = now + grace_seconds + LAST_SECONDS
        for limit, when in (
            (self._claiming, now + LAST_SECONDS),
            (self._completing, self._complete_by),
        ):
            with contextlib.suppress(RuntimeError):  # nothing is asked
                limit.reschedule(when)

    def _lose_soon(self, rows: Sequence[Lost]) -> None:
        self.loop.call_soon_threadsafe(self.lose, rows)

    def lose(self, rows: Sequence[Lost]) -> None:
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
        command_id = new_hex()
        while not self._draining.is_set():
            if not self._wanted():
                self._room.clear()
                await self._room.wait()
                continue
            try:
                seen = self._graph.work.seen
                async with self._turn, asyncio.timeout(None) as self._claiming:
                    wanted = self._request()
                    records = await self.queue.claim_records(wanted, command_id)
                command_id = new_hex()
                if records:
                    await self._let_send()
                    self._take([Claim.from_record(record) for record in records])
                else:
                    await self._unless_draining(
                        self.queue.wait_for_work(wanted, LOOK_SECONDS, seen)
                    )
            except TimeoutError:
                logger.warning("the store did not answer a claim before the worker was to end")
            except OrchestrationError as error:
                logger.warning("cannot claim, will try again: %s", error)
                await self._unless_draining(asyncio.sleep(PAUSE_SECONDS))

    def _request(self) -> ClaimRequest:
        return ClaimRequest.of(
            agent_id=self._settings.agent_id,
            limit=min(self._free, MOST_ROWS),
            lease_seconds=self._settings.lease_seconds,
            task_types=self._types,
            start=True,
            take_up=True,
            worker_id=self._settings.worker_id,
        )

    async def _let_send(self) -> None:
        """Let whose turn is next send its own, before an answer is read, which takes long."""
        await asyncio.sleep(0)
        if self._turn.locked():
            await asyncio.sleep(SENDING_SECONDS)

    @property
    def _free(self) -> int:
        return self._settings.slots - len(self.jobs)

    def _wanted(self) -> bool:
        """Whether a claim is worth a transaction now; soon it may be worth more.

        Little is free where much has ended but is not told yet: its slots will be free then.
        """
        free, half = self._free, self._settings.ahead // 2
        ended = len(self.jobs) - self._running - len(self._waiting)
        return free > 0 and len(self._waiting) <= half and (free >= half or ended <= free)

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
            job, before = Job(claim), self.jobs.get(claim.task_id)
            if before is not None:  # its lease ran out, and it has come back to us
                self.lose([(claim.task_id, before.claim.attempt, "claimed again")])
            self.jobs[claim.task_id] = job
            self._waiting.append(job)
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and self._running < self._settings.concurrency:
            job = self._waiting.popleft()
            if not job.lost:
                self._running += 1
                job.running = asyncio.create_task(self._work(job))
        self._room.set()

    async def _work(self, job: Job) -> None:
        """Run the handler of a job, and see to it that its end is told."""
        began, job.begun = time.perf_counter(), True
        try:
            result = JSON.of("the handler's result", await self._call(job))
        except asyncio.CancelledError:
            self._report(job, self._release(job))
        except (Exception, SystemExit) as error:  # whatever a handler raises fails its task
            self._report(job, self._fail(job, error))
        else:
            completion = Completion.stored(
                {
                    "claim": job.claim,
                    "result": result,
                    "metrics": None,
                    "duration_ms": (time.perf_counter() - began) * 1_000,
                    "command_id": job.command_id,
                }
            )
            self._done.append((job, completion))
            self._finished.set()
        finally:
            self._running -= 1
            if not self._draining.is_set():
                self._start_waiting()

    async def _call(self, job: Job) -> JsonValue:
        name = job.claim.task.task_type
        name = name if name in self._handlers else ANY
        if self._awaited[name]:
            return await self._handlers[name](AsyncContext(job, self.queue, self.loop))
        return await _in_thread(self._handlers[name], Context(job, self.queue, self.loop))

    async def _finish(self) -> None:
        """Tell of completed work; what comes meanwhile goes together into the next transaction."""
        while not (self._closed and not self._done):
            await self._finished.wait()
            self._finished.clear()
            while self._done:
                await self._what_ends_now()
                async with self._turn:
                    batch, self._done = self._done[:MOST_ROWS], self._done[MOST_ROWS:]
                    limit = asyncio.timeout_at(self._complete_by)
                    try:
                        async with limit as self._completing:
                            answers = await self.queue.complete_all([one for _, one in batch])
                    except (StoreError, TimeoutError) as error:
                        logger.warning("cannot complete, will try again: %s", describe(error))
                        self._done += batch
                        answers = None
                if answers is not None:
                    self._completed(batch, answers)
                elif self._closed:
                    return  # the leases will run out
                else:
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _what_ends_now(self) -> None:
        """Let what is about to end, end: it goes into the same transaction.

        And let a claim ask for its turn: where the two alternate, one is sent while the other's
        answer is read.
        """
        seen = 0
        while seen < len(self._done):
            seen = len(self._done)
            await asyncio.sleep(0)
            if seen >= MOST_ROWS:
                return

    def _completed(
        self,
        batch: Sequence[tuple[Job, Completion]],
        answers: Sequence[TaskError | StoreQueryError | None],
    ) -> None:
        for (job, _), answer in zip(batch, answers, strict=True):
            if isinstance(answer, StoreQueryError):
                failure = TaskFailure(f"the result cannot be stored: {answer}", "permanent")
                self._report(job, self._fail(job, failure))
                continue
            if isinstance(answer, TaskError):
                logger.warning("a result was refused: %s", answer)
            self._forget(job)

    async def _fail(self, job: Job, error: BaseException) -> None:
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

    async def _release(self, job: Job) -> None:
        if not job.lost:
            await self.queue.release_task(
                job.claim.task_id,
                "the worker was stopped",
                attempt=job.claim.attempt,
                command_id=job.command_id,
            )

    def _report(self, job: Job, report: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._reported(job, report))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _reported(self, job: Job, report: Awaitable[None]) -> None:
        try:
            await report
        except TaskError as error:
            logger.warning("a report was refused: %s", error)
        except StoreError as error:
            logger.error("a report was lost, the lease of the task will run out: %s", error)
        finally:
            self._forget(job)

    def _forget(self, job: Job) -> None:
        if self.jobs.get(job.claim.task_id) is job:
            del self.jobs[job.claim.task_id]
        self._room.set()

    def _give_up(self, job: Job) -> None:
        job.cancel()
        if job.running is None:
            if job in self._waiting:
                self._waiting.remove(job)
            self._report(job, self._release(job))
        else:
            job.running.cancel()
            if not job.begun:  # it will not begin any more, so it cannot tell of its end
                self._running -= 1
                self._report(job, self._release(job))

    async def _drain(self) -> None:
        """Give back what has not begun, wait for what has, and give back what does not end."""
        for job in list(self._waiting):
            self._give_up(job)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.grace_seconds):
                await self._idle_or_aborted()
        for job in list(self.jobs.values()):
            if job.running is not None and not job.running.done():
                self._give_up(job)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                while self.jobs:
                    self._room.clear()
                    await self._room.wait()

    async def _idle_or_aborted(self) -> None:
        while self.jobs and not self._aborting.is_set():
            self._room.clear()
            await self._room.wait()


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
        except StopIteration as raised:  # which a future cannot hold
            outcome = answer.set_exception, RuntimeError(describe(raised))
        except BaseException as raised:  # handed on to whoever waits
            outcome = answer.set_exception, raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="graph-orch-handler", daemon=True).start()
    return await answer
