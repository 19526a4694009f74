"""One run of a worker: what it holds, and the loops that claim, work and complete."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from graph_orch._async.tasks import completion_row
from graph_orch.domain.durable import Waits
from graph_orch.domain.forms import MOST_TOLD, dump_json
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.domain.models import Claim, ClaimRequest, Completion
from graph_orch.domain.models.budgets import used_of
from graph_orch.errors import (
    OrchestrationError,
    StaleAttemptError,
    StoreError,
    StoreUnreachableError,
    WorkflowCancelledError,
    describe,
    text_of,
)
from graph_orch.logs import about, logger_of
from graph_orch.store.batching import MOST_ROWS
from graph_orch.store.signals import Ended
from graph_orch.worker.context import Handler, Job, WorkerSettings
from graph_orch.worker.durable import Durable
from graph_orch.worker.failures import Failure, HandOff, TaskFailure, storable_text
from graph_orch.worker.heart import Heart
from graph_orch.worker.sharing import Shared
from graph_orch.worker.trying import ANY, ending, handler_of, try_handler

LOOK_SECONDS = 15.0
"""How long one wait for work is; then a claim asks, which costs more than the looks of the wait."""
SIGHT_SECONDS = 1.5
"""How often a worker checks that its tasks are still its own, such as after a cancellation."""
PAUSE_SECONDS = 1.0
"""How long to wait when the server is away, before asking again."""
LAST_SECONDS = 2.0
"""How long a claim may still take when the worker is told to stop, and a completion after the
grace period: calls to a store that is away are tried again for longer than a stop may take."""
REPORT_TRIES = 3
"""How often the server may refuse a report before the worker drops it."""
END_SECONDS = 5.0
"""How long a stop waits for handlers that it has cancelled."""
ABORT_SECONDS = 1.0
"""The same where the worker was told twice to stop."""
MOST_SCHEMAS = 200_000
"""Characters of the JSON schemas of its handlers that a worker tells of; longer ones it keeps."""
SENDING_SECONDS = 0.001
"""Sending a statement that is ready takes so long at most."""
logger = logger_of("graph_orch.worker")


class Run:
    """One run of a worker: what it holds, and the loops that claim, work and complete."""

    def __init__(
        self,
        settings: WorkerSettings,
        store: Shared,
        handlers: dict[str, Handler],
        *,
        schemas: Mapping[str, object] | None = None,
        ends_idle: bool = False,
    ) -> None:
        self._settings = settings
        self._ends_idle = ends_idle
        self.loop = asyncio.get_running_loop()
        self.queue = store.queue
        self._claims = store.claims
        self.jobs: dict[str, Job] = {}
        self._graph = store.graph
        self._handling = store.handling
        self._handlers = handlers
        self._types = None if ANY in handlers else sorted(handlers)
        told = dump_json(schemas) if schemas else None
        self._schemas = told if told is None or len(told) <= MOST_SCHEMAS else None
        self._waiting: deque[Job] = deque()
        self._running = 0
        self._lingering: set[Job] = set()
        self._done: list[tuple[Job, Completion]] = []
        self._room = asyncio.Event()
        self._finished = asyncio.Event()
        # Claims and completions lock the same agent. They wait for each other here, since at the
        # server a transaction that waits for a lock sleeps for longer each time it looks.
        self._turn = asyncio.Lock()
        self._draining = asyncio.Event()
        self._aborting = asyncio.Event()
        self._claiming = asyncio.timeout(None)
        self._completing = asyncio.timeout(None)
        self._complete_by: float | None = None
        self._main: asyncio.Task[Any] | None = None
        self._closed = False
        self._reports: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Claim and work until told to stop, or cancelled; then drain."""
        self._main = asyncio.current_task()
        address = self._graph.address
        heart = Heart(
            self._settings, address, self.held, self._lose_soon, self._types, self._schemas
        )
        heart.start()
        self._graph.work.watch(self._lose_soon)
        finisher = asyncio.create_task(self._finish())
        # It ends early only by an error.
        finisher.add_done_callback(lambda _: None if self._closed else self.abort())
        watcher = asyncio.create_task(self._watch())
        try:
            await self._claim()
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            try:
                await self._drain()
            finally:
                self._closed = True
                self._graph.work.unwatch(self._lose_soon)
                for task in (watcher, *self._reports):
                    task.cancel()
                self._finished.set()
                await asyncio.to_thread(heart.stop)
                await finisher

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

    def grace_left(self) -> float:
        """For how many seconds what goes on may go on, once the worker is to end."""
        return max(0.0, (self._complete_by or 0.0) - LAST_SECONDS - self.loop.time())

    def _hurry(self, grace_seconds: float) -> None:
        """Limit what is asked of the store, now and later, to the time that a stop may take."""
        now = self.loop.time()
        self._complete_by = now + grace_seconds + LAST_SECONDS
        for limit, when in (
            (self._claiming, now + LAST_SECONDS),
            (self._completing, self._complete_by),
        ):
            with contextlib.suppress(RuntimeError):  # nothing is asked
                limit.reschedule(when)

    def held(self) -> tuple[list[Job], int]:
        """The claims to be kept, and how many handlers go on though their task is lost."""
        return list(self.jobs.copy().values()), len(self._lingering)

    def _lose_soon(self, ended: Sequence[Ended]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it all work
            self.loop.call_soon_threadsafe(self.lose, ended)

    def lose(self, ended: Sequence[Ended]) -> None:
        """Stop work on tries (task_id, attempt, status) that are over."""
        for task_id, attempt, status in ended:
            job = self.jobs.get(task_id)
            if job is None or job.ended or job.claim.attempt != attempt:
                continue
            logger.warning(
                "task %s: attempt %d is no longer ours, the task is %s",
                task_id,
                attempt,
                status or "gone",
                extra=job.about,
            )
            job.lost = True
            self._forget(job)
            if job in self._waiting:
                self._waiting.remove(job)
            elif job.running is not None:  # its place is free when it ends, and no sooner
                self._lingering.add(job)
                job.cancel()
                if job.in_thread:
                    logger.warning(
                        "task %s: its handler runs in a thread and keeps its place, one of %d, "
                        "until it returns: let it ask ctx.is_cancelled",
                        task_id,
                        self._settings.concurrency,
                        extra=job.about,
                    )
        if len(self._lingering) >= self._settings.concurrency:
            self._give_back_waiting()

    async def _watch(self) -> None:
        """Find out which tasks this worker has lost, and tell which handlers have begun."""
        while True:
            await asyncio.sleep(SIGHT_SECONDS)
            jobs = [job for job in self.jobs.values() if job.began is not None and not job.ended]
            held = [{"task_id": it.claim.task_id, "attempt": it.claim.attempt} for it in jobs]
            try:
                await self._tell_starts([job for job in jobs if not job.told])
                rows = await self._graph.read("tasks/lost", rows=held) if held else ()
            except OrchestrationError as error:
                logger.warning("cannot see whether work is still wanted: %s", error)
            else:
                self.lose([(row["task_id"], row["attempt"], row["status"]) for row in rows])

    async def _claim(self) -> None:
        command_id = new_hex()
        while not self._draining.is_set():
            if not self._wanted():
                self._room.clear()
                await self._room.wait()
                continue
            was_idle = not self.jobs  # what ends from here on may have made work for this claim
            self._room.clear()
            try:
                seen = self._graph.work.seen
                async with self._turn, asyncio.timeout(None) as self._claiming:
                    wanted = self._request()
                    records = await self._claims.claim(wanted, command_id)
                command_id = new_hex()
                if records:
                    await self._let_send()
                    self._take([Claim.from_record(record) for record in records])
                elif self._ends_idle and was_idle:
                    self.stop()
                else:
                    await self._unless(
                        self._room if self._ends_idle else self._draining,
                        self._claims.wait_for_work(
                            wanted, self._graph.work.paced(LOOK_SECONDS, 1), seen
                        ),
                    )
            except TimeoutError:
                logger.warning("the store did not answer a claim before the worker was to end")
            except OrchestrationError as error:
                logger.warning("cannot claim, will try again: %s", error)
                await self._unless(self._draining, asyncio.sleep(PAUSE_SECONDS))

    def _request(self) -> ClaimRequest:
        return ClaimRequest.of(
            agent_id=self._settings.agent_id,
            limit=min(self._free, MOST_ROWS),
            lease_seconds=self._settings.lease_seconds,
            task_types=self._types,
            start=True,
            begin=max(0, self._settings.concurrency - self._running - len(self._waiting)),
            take_up=True,
            worker_id=self._settings.worker_id,
        )

    async def _let_send(self) -> None:
        """Let the next in turn send its statement before an answer is read, which takes long."""
        await asyncio.sleep(0)
        if self._turn.locked():
            await asyncio.sleep(SENDING_SECONDS)

    @property
    def _free(self) -> int:
        return self._settings.slots - len(self.jobs) - len(self._lingering)

    def _wanted(self) -> bool:
        """Whether a claim is worth a transaction now.

        Where few slots are free and much has ended that the store was not told of, it is not yet:
        more slots are free as soon as that is told.
        """
        if len(self._lingering) >= self._settings.concurrency:
            return False
        free, half = self._free, self._settings.ahead // 2
        ended = len(self.jobs) + len(self._lingering) - self._running - len(self._waiting)
        return free > 0 and len(self._waiting) <= half and (free >= half or ended <= free)

    async def _unless(self, event: asyncio.Event, waiting: Coroutine[Any, Any, Any]) -> None:
        """Wait for something that may be dropped, but no longer than until the event."""
        task, other = asyncio.ensure_future(waiting), asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((task, other), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            for one in (task, other):
                one.cancel()
            await asyncio.gather(task, other, return_exceptions=True)

    def _take(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            job, before = Job(claim, Durable(claim, self._handling)), self.jobs.get(claim.task_id)
            job.told = claim.task.status is TaskStatus.RUNNING
            if before is not None:  # its lease ran out, and it has come back to us
                self.lose([(claim.task_id, before.claim.attempt, "claimed again")])
            self.jobs[claim.task_id] = job
            self._waiting.append(job)
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and self._running < self._settings.concurrency:
            job = self._waiting.popleft()
            self._running += 1
            job.running = asyncio.create_task(self._work(job))
        self._room.set()

    async def _work(self, job: Job) -> None:
        """Run the handler of a job, and tell how it ended, whatever it did."""
        about.set(job.about)  # in the context of this task, which ends with it
        try:
            result = await self._call(job)
        except BaseException as error:  # a handler may raise anything, and its try ends with it
            self._clear(job)
            if self._closed:  # the loop ends, and nothing can be told any more
                raise
            self._failed(job, error)
        else:
            self._clear(job)
            if job.in_thread and job.cancelled:  # what it returned then says nothing
                self._give_back(job)
            elif job.durable.waits.is_waiting:  # it caught what was to end it
                self._report(job, self._suspend)
            elif job.durable.waits.tasks:
                self._report(job, self._complete_spawning, self._completion(job, result))
            else:
                self._complete_soon(job, result)
        finally:
            self._running -= 1
            if not self._draining.is_set():
                self._start_waiting()
            self._room.set()

    def _failed(self, job: Job, error: BaseException) -> None:
        """Tell of an error that a handler raised; one that was cancelled is given back."""
        own_end = self._main is not None and self._main.cancelling() > 0
        if job.cancelled or (own_end and isinstance(error, asyncio.CancelledError)):
            self._give_back(job)
            return
        end = ending(error)
        if end is None:
            self._report(job, self._suspend)
        elif isinstance(end, HandOff):
            self._report(job, self._hand_off, storable_text(text_of(end), MOST_TOLD))
        else:
            end.log(error, job.claim.task, job.claim.attempt)
            self._report(job, self._fail, end)

    def _clear(self, job: Job) -> None:
        """Note that a handler has ended, so that nothing ends it any more."""
        job.ended = True
        self._lingering.discard(job)
        if job.timer is not None:
            job.timer.cancel()

    async def _call(self, job: Job) -> JsonValue:
        if job.cancelled:
            raise asyncio.CancelledError
        job.began = time.perf_counter()
        if (seconds := job.claim.task.start_to_close_seconds) is not None:
            job.timer = self.loop.call_later(seconds, self._overdue, job)
        handler = handler_of(self._handlers, job.claim.task.task_type)
        return await try_handler(handler, job, self.queue)

    def _completion(self, job: Job, result: JsonValue) -> Completion:
        return Completion.stored(
            {
                "claim": job.claim,
                "result": result,
                "metrics": job.metrics or None,
                "duration_ms": (time.perf_counter() - (job.began or 0.0)) * 1_000,
                "command_id": job.command_id,
                "began": None if job.told else job.began,
            }
        )

    def _complete_soon(self, job: Job, result: JsonValue) -> None:
        if job.lost:
            self._give_back(job)
            return
        self._done.append((job, self._completion(job, result)))
        self._finished.set()

    def _overdue(self, job: Job) -> None:
        """End a job whose start_to_close_seconds are over; the queue ends its try."""
        if not job.ended and not job.lost:
            self.lose([(job.claim.task_id, job.claim.attempt, "past its start_to_close_seconds")])
            self._report(job, self._time_out)

    async def _finish(self) -> None:
        """Complete tasks; results that come during a transaction share the next one."""
        while not (self._closed and not self._done):
            await self._finished.wait()
            self._finished.clear()
            while self._done:
                await self._let_handlers_finish()
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

    async def _let_handlers_finish(self) -> None:
        """Yield until no more handlers finish, so that their results share one transaction.

        This also lets a claim ask for its turn: where claims and completions alternate, one is sent
        while the answer of the other is read.
        """
        seen = 0
        while seen < len(self._done):
            seen = len(self._done)
            await asyncio.sleep(0)
            if seen >= MOST_ROWS:
                return

    def _completed(
        self, batch: Sequence[tuple[Job, Completion]], answers: Sequence[OrchestrationError | None]
    ) -> None:
        for (job, _), answer in zip(batch, answers, strict=True):
            if isinstance(answer, StoreError):  # another try would have the same result
                failure = TaskFailure(f"the result cannot be stored: {answer}", "permanent")
                self._report(job, self._fail, Failure.of(failure))
                continue
            if answer is not None:
                logger.warning("a result was refused: %s", answer, extra=job.about)
                self._report(job, self._pay_late)
                continue
            self._forget(job)

    async def _tell_starts(self, jobs: Sequence[Job]) -> None:
        """Tell when handlers began, where the store does not know; a completion tells it anyway."""
        began = [job for job in jobs if job.began is not None and not job.told]
        if began:
            beats = [job.heartbeat(tells_start=True) for job in began]
            await self._claims.keep(self._settings.agent_id, beats)
        for job in jobs:
            job.told = True

    async def _fail(self, job: Job, failure: Failure) -> None:
        await self._tell_starts([job])
        await self.queue.fail(
            job.claim,
            failure.message,
            error_class=failure.error_class,
            error_types=failure.kinds,
            retry_after=failure.retry_after,
            exclude_agent=failure.exclude_agent,
            traceback=failure.traceback,
            metrics=job.metrics,
            command_id=job.command_id,
        )

    async def _suspend(self, job: Job) -> None:
        await self._tell_starts([job])
        await self._with_what_it_leaves(
            job,
            lambda waits: self._handling.suspend(
                job.claim.task_id,
                job.claim.attempt,
                waits,
                job.command_id,
                used_of(job.metrics),
            ),
        )

    async def _complete_spawning(self, job: Job, completion: Completion) -> None:
        row = completion_row(completion)
        await self._with_what_it_leaves(job, lambda waits: self._handling.complete(row, waits))

    async def _with_what_it_leaves(
        self, job: Job, end: Callable[[Waits], Awaitable[object]]
    ) -> None:
        """End a try together with what its handler leaves; where that cannot be, the try fails."""
        try:
            await end(job.durable.waits)
        except (StaleAttemptError, StoreUnreachableError):
            raise
        except WorkflowCancelledError:  # its own: the task is about to be cancelled too
            await self._release(job)
        except OrchestrationError as error:
            why = f"what the handler leaves behind cannot be stored: {error}"
            await self._fail(job, Failure.of(TaskFailure(why, "permanent")))

    async def _hand_off(self, job: Job, reason: str) -> None:
        await self._tell_starts([job])
        await self.queue.release_task(
            job.claim.task_id,
            reason or None,
            attempt=job.claim.attempt,
            exclude_agent=True,
            metrics=job.metrics,
            command_id=job.command_id,
        )

    async def _release(self, job: Job) -> None:
        await self.queue.release_task(
            job.claim.task_id,
            "the worker was stopped",
            attempt=job.claim.attempt,
            metrics=job.metrics,
            command_id=job.command_id,
        )

    async def _pay_late(self, job: Job) -> None:
        """Tell what a try has used that has ended without this worker."""
        if used := used_of(job.metrics):
            await self._handling.pay_late(job.claim.task_id, job.claim.attempt, used)

    async def _time_out(self, job: Job) -> None:
        await self._tell_starts([job])
        await self.queue.process_due(1)

    def _report(self, job: Job, tell: Callable[..., Awaitable[None]], *args: Any) -> None:
        task = asyncio.ensure_future(self._reported(job, tell, *args))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _reported(self, job: Job, tell: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Tell how a try ended, until the server hears it; the heart keeps the lease meanwhile."""
        refused = 0
        while True:
            try:
                await tell(job, *args)
            except StoreError as error:
                refused += not isinstance(error, StoreUnreachableError)
                if refused < REPORT_TRIES:
                    logger.warning("cannot report, will try again: %s", error, extra=job.about)
                    await asyncio.sleep(PAUSE_SECONDS)
                    continue
                said = "a report was lost, the lease of the task will run out: %s"
                logger.error(said, error, extra=job.about)
            except OrchestrationError as error:
                logger.warning("a report was refused: %s", error, extra=job.about)
                tell, args = self._pay_late, ()
                continue
            self._forget(job)
            return

    def _forget(self, job: Job) -> None:
        if self.jobs.get(job.claim.task_id) is job:
            del self.jobs[job.claim.task_id]
        self._room.set()

    def _give_back(self, job: Job) -> None:
        """Release a task; where the worker has lost it, tell no more than what it has used."""
        job.ended = True
        self._report(job, self._pay_late if job.lost else self._release)

    def _give_back_waiting(self) -> None:
        """Release what no handler of this worker will begin soon."""
        while self._waiting:
            self._give_back(self._waiting.popleft())

    async def _drain(self) -> None:
        """Release what has not begun, wait for what has, and release what does not end in time."""
        self._give_back_waiting()
        await self._until_idle(self._settings.grace_seconds, heed_abort=True)
        for job in list(self.jobs.values()):
            if not job.ended:
                job.cancel()
        await self._until_idle(ABORT_SECONDS if self._aborting.is_set() else END_SECONDS)
        for job in list(self.jobs.values()):
            if not job.ended:
                said = "task %s is given back; its handler goes on"
                logger.warning(said, job.claim.task_id, extra=job.about)
                self._give_back(job)
                job.lost = True
        await self._until_idle(END_SECONDS)

    async def _until_idle(self, seconds: float, *, heed_abort: bool = False) -> None:
        """Wait until nothing is held, so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.jobs and not (heed_abort and self._aborting.is_set()):
                    self._room.clear()
                    await self._room.wait()
