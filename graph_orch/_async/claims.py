"""Claims: ready tasks taken under a lease, and given up again. What workers live on."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import JsonValue

from graph_orch._async.commands import AsyncCommands, outcome, outcome_weight
from graph_orch._async.graph import AlreadyAppliedError, AsyncGraph, Rows
from graph_orch._async.querying import all_records
from graph_orch.domain.checks import (
    ATTEMPT,
    BEGAN,
    PROGRESS,
    RATIO,
    TEXT,
    WAIT,
    command_id_of,
    instance,
    instances,
)
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import Command, ErrorClass, EventType
from graph_orch.domain.models import Claim, ClaimRequest, Completion, Task
from graph_orch.domain.models.base import some_moment
from graph_orch.domain.refusals import refuse_stale, used_for
from graph_orch.errors import (
    AgentNotFoundError,
    CommandConflictError,
    StoreError,
    StoreQueryError,
    StoreUnreachableError,
    TaskError,
    TaskNotFoundError,
)
from graph_orch.logs import logger_of
from graph_orch.store.batching import async_in_parts, in_weight, weight
from graph_orch.store.runtime import async_or_give_back
from graph_orch.store.statements import TRANSACTION_SECONDS

TRIES = 5
"""How often a claim starts again at once: others were faster, or tasks had to be looked at."""
HEED_TRIES = 2
"""In how many of them what is due comes first; after that it is no reason to get nothing."""
FIRST_LOOK_SECONDS = 0.02
SOONEST_SECONDS = 0.01
"""How soon the graph is asked again at the soonest, where a task's time comes."""
LONGEST_LOOK_SECONDS = 1.0
MANY_LANES = 40
"""An agent that finds more open lanes than that now and then closes those that are empty."""
CLOSE_EVERY_SECONDS = 30.0
CLOSE_BATCH = 1_000
GRACE_SECONDS = 2.5 * TRANSACTION_SECONDS
"""How long a lane stays open after it was found empty: see `tasks/close_lanes`."""
logger = logger_of("graph_orch.claims")


class AsyncClaims(AsyncCommands):
    """Claims on ready tasks, and the commands with a claim.

    A claim is refused with StaleAttemptError once its task was given to somebody else, and with
    its subclass AttemptEndedError where its try has ended: its lease ran out, or the task was
    cancelled, released or finished.
    """

    def __init__(self, graph: AsyncGraph, spread: int = 1) -> None:
        super().__init__(graph)
        self._spread = spread
        self._closed_lanes_at = -CLOSE_EVERY_SECONDS
        self._unanswered: dict[str, str] = {}
        """By agent, the id of its last claim, where the server went away before it answered."""

    async def claim_tasks(
        self,
        agent_id: str,
        limit: int = 1,
        lease_seconds: float = 60,
        wait_seconds: float = 0,
        *,
        task_types: Sequence[str] | None = None,
        start: bool = False,
        take_up: bool = False,
        worker_id: str | None = None,
        command_id: str | None = None,
    ) -> list[Claim]:
        """Take the best ready tasks that an agent's skills cover, never more than it has slots for.

        What a call is given that is cancelled while it is under way goes back at once. What one was
        given that the server did not answer, the agent's next claim in this queue is given first.

        Args:
            limit: How many at most. One claim is given 8 MB of content and metadata at most, or
                one task: fewer than `limit`, where these are large.
            lease_seconds: How long the claims hold without a heartbeat, by the server's clock.
            wait_seconds: How long to wait for the first one where there is none; then [].
            task_types: Only tasks of these types. Others that stand before them are read over.
            start: Start them too, in the same transaction.
            take_up: Also take up what somebody has assigned to the agent without a lease, by
                `assign_task` or `dispatch_task`. Only one process of an agent should.
            worker_id: Which process it is that asks, to be shown.

        Raises:
            AgentNotFoundError: the agent is not registered.
            CommandConflictError: `command_id` was used for something else.
        """
        wanted = ClaimRequest.of(
            agent_id=agent_id,
            limit=limit,
            lease_seconds=lease_seconds,
            task_types=task_types,
            start=start,
            take_up=take_up,
            worker_id=worker_id,
        )
        fresh = command_id_of(command_id)
        deadline = time.monotonic() + WAIT.of("wait_seconds", wait_seconds)
        while True:
            seen = self._graph.work.seen
            command = fresh if command_id else self._unanswered.pop(wanted.agent_id, fresh)
            try:
                records = await async_or_give_back(
                    self.claim_records(wanted, command), self._give_back
                )
            except StoreUnreachableError:
                self._unanswered[wanted.agent_id] = command
                raise
            left = deadline - time.monotonic()
            if records or left <= 0 or not await self.wait_for_work(wanted, left, seen):
                return [Claim.from_record(record) for record in records]

    async def claim_records(self, wanted: ClaimRequest, command_id: str) -> list[Mapping[str, Any]]:
        """Claim what is there now; what `Claim.from_record` takes, to be read at another time."""
        request = {**wanted.model_dump(), "command_id": command_id}
        row: Mapping[str, Any] = {}
        for tries in range(TRIES):
            heed_due = tries < HEED_TRIES
            try:
                row = await self._ask(request, heed_due=heed_due)
            except AlreadyAppliedError:
                return await self._claimed(request)
            if row["replayed"]:
                return await self._claimed(request)
            is_held_up = heed_due and row["due"]
            if is_held_up:
                await self.wake(1)
            if row["tasks"] or not (is_held_up or row["lost"]):
                break
        await self._close_lanes(wanted.agent_id, row["lanes_seen"])
        records = [*await all_records(self._graph, row)]
        if row["handed"]:
            records += await self._take_up(request, len(records))
        return records

    async def wait_for_work(self, wanted: ClaimRequest, seconds: float, seen: int) -> bool:
        """Wait until a claim is worth a try; False when the time is up.

        Work that comes from this process is told; for other processes' the graph is asked, less
        and less often, every second at last, and when the time of a task comes.

        Args:
            seen: How much this process had been told of (`graph.work.seen`) when there was nothing.
        """
        deadline, pause = time.monotonic() + seconds, FIRST_LOOK_SECONDS
        due_in = pause
        request = wanted.model_dump(include={"agent_id", "take_up", "task_types"})
        while (left := deadline - time.monotonic()) > 0:
            await self._graph.work.wait(seen, min(left, due_in, pause * random.uniform(0.5, 1.0)))
            seen = self._graph.work.seen
            ready, due_in = await self._graph.together("has_ready", self._have_ready, request)
            if ready:
                return True
            pause = min(pause * 1.6, LONGEST_LOOK_SECONDS)
        return False

    async def _have_ready(
        self, requests: Sequence[dict[str, Any]]
    ) -> list[tuple[bool, float] | Exception]:
        """For each of these requests whether a claim is worth a try, and in how long one may be."""
        rows = await self._graph.read("tasks/has_ready", requests=list(requests))
        ready = {row["number"] for row in rows if row["ready"]}
        times = [row["due_in"] for row in rows if row["due_in"] is not None]
        due_in = max(SOONEST_SECONDS, min(times, default=LONGEST_LOOK_SECONDS))
        return [(number in ready, due_in) for number in range(len(requests))]

    async def start(self, claim: Claim) -> Task:
        """Say that the work on a claim has begun: assigned -> running."""
        claim = instance("claim", Claim, claim)
        return await self.start_task(claim.task_id, attempt=claim.attempt)

    async def heartbeat(
        self, claim: Claim, progress: float | None = None, message: str | None = None
    ) -> Claim:
        """Keep a claim for another `lease_seconds` from now, and say how far the work is (0 to 1).

        Raises:
            StaleAttemptError: the claim holds no more; drop the work.
        """
        claim = instance("claim", Claim, claim)
        row = (await self.heartbeat_all([claim], {claim.task_id: (progress, message)}))[0]
        if row["status"] is None:
            raise TaskNotFoundError(claim.task_id)
        if not row["kept"]:
            node = {"task_id": claim.task_id, "attempt": row["current_attempt"]}
            refuse_stale("keep", claim.attempt, node | {"status": row["status"]})
        return claim.model_copy(update={"lease_expires_at": some_moment(row["lease_expires_at"])})

    async def heartbeat_all(
        self,
        claims: Sequence[Claim],
        progress: Mapping[str, tuple[float | None, str | None]] | None = None,
        began: Mapping[str, tuple[float, str]] | None = None,
    ) -> Rows:
        """Keep many claims of one agent in one transaction.

        Args:
            progress: By task_id, how far the work is (0 to 1), and a word on it.
            began: By task_id, where its start was not told yet: when the work began, by
                `time.perf_counter`, and an id for that event.

        Returns:
            For each claim a row: task_id, attempt, kept (whether it holds), status,
            lease_expires_at.
        """
        claims = instances("claims", Claim, claims)
        said = PROGRESS.of("progress", progress) or {}
        starts = BEGAN.of("began", began) or {}
        rows = [
            _beat(
                claim,
                *said.get(claim.task_id, (None, None)),
                *starts.get(claim.task_id, (None, None)),
            )
            for claim in claims
        ]
        return await self._graph.write(
            "tasks/heartbeat",
            rows=sorted(rows, key=lambda row: row["task_id"]),
            agent_id=claims[0].agent_id if claims else "",
        )

    async def complete(
        self,
        claim: Claim,
        result: JsonValue = None,
        metrics: JsonValue | Mapping[str, JsonValue] = None,
    ) -> Task:
        """Complete a claim that was started: see `complete_task`."""
        claim = instance("claim", Claim, claim)
        return await self.complete_task(claim.task_id, result, metrics, attempt=claim.attempt)

    async def complete_all(
        self, done: Sequence[Completion]
    ) -> list[TaskError | StoreQueryError | None]:
        """Complete many claims, in as few transactions as they fit in.

        Returns:
            For each None, or why it was refused: the claim holds no more, or the store cannot take
            the result.

        Raises:
            StoreUnreachableError: no server answers.
        """
        rows = [
            {
                "task_id": one.claim.task_id,
                "attempt": one.claim.attempt,
                "command_id": one.command_id,
                "ran_ms": None if one.began is None else milliseconds_since(one.began),
                **outcome(one.result, one.metrics, one.duration_ms),
            }
            for one in instances("done", Completion, done)
        ]
        told: list[bool | Exception] = []
        for part in in_weight(rows, outcome_weight):
            told += await self._graph.together(
                "complete_all",
                self._complete_batches,
                part,
                sum(map(outcome_weight, part)),
                at_once=2,
            )
        self._graph.work.tell()
        return [
            None if was_told is True else await self._completed(row, was_told)
            for row, was_told in zip(rows, told, strict=True)
        ]

    async def _complete_batches(
        self, batches: Sequence[list[dict[str, Any]]]
    ) -> list[list[bool | Exception] | Exception]:
        """Complete the claims of several callers; for each, whether each of its rows was."""
        if len(batches) == 1:
            return [await async_in_parts(self._complete_rows, batches[0])]
        told = iter(await self._complete_rows([row for batch in batches for row in batch]))
        return [[next(told) for _ in batch] for batch in batches]

    async def _complete_rows(self, rows: Sequence[dict[str, Any]]) -> list[bool | Exception]:
        told, _ = await self._complete_once(rows, brief=True)
        return [row["command_id"] in told for row in rows]

    async def fail(
        self,
        claim: Claim,
        error: str,
        should_retry: bool = True,
        *,
        error_class: ErrorClass | str = ErrorClass.TRANSIENT,
        error_types: Sequence[str] = (),
        retry_after: float | None = None,
        exclude_agent: bool = False,
        traceback: str | None = None,
        command_id: str | None = None,
    ) -> Task:
        """Say that the work on a claim failed: see `fail_task`."""
        claim = instance("claim", Claim, claim)
        return await self.fail_task(
            claim.task_id,
            error,
            should_retry,
            error_class=error_class,
            error_types=error_types,
            retry_after=retry_after,
            exclude_agent=exclude_agent,
            traceback=traceback,
            attempt=claim.attempt,
            command_id=command_id,
        )

    async def release(self, claim: Claim, reason: str | None = None) -> Task:
        """Give a claim back unharmed: no retry is spent."""
        claim = instance("claim", Claim, claim)
        return await self.release_task(claim.task_id, reason, attempt=claim.attempt)

    async def wake(self, batches: int | None = None) -> int:
        """Look at every task whose time has come; how many there were.

        A delay ends: the task becomes ready. A lease runs out, or the time to finish a try: the
        try failed. The time to start, or the overall time, is over: the task failed. Claiming,
        polling and counting do this by themselves; it needs no leader.

        Args:
            batches: Stop after so many batches of 500.
        """
        return await self._due.wake(ATTEMPT.of("batches", batches))

    async def _ask(self, request: dict[str, Any], *, heed_due: bool) -> Mapping[str, Any]:
        """Ask for a claim, together with whoever asks meanwhile."""
        run = partial(self._claim_all, heed_due)
        kind = "claim", self._spread, heed_due
        return await self._graph.together(kind, run, request, weight(request["limit"], 0))

    async def _claim_all(
        self, heed_due: bool, requests: Sequence[dict[str, Any]]
    ) -> list[Mapping[str, Any] | Exception]:
        """Claim for each of these, in one transaction; the rows of `tasks/claim`, or errors."""
        order = sorted(range(len(requests)), key=lambda place: requests[place]["agent_id"])
        rows = await self._graph.write(
            "tasks/claim",
            requests=[requests[place] for place in order],
            limit=max(request["limit"] for request in requests),
            spread=self._spread,
            heed_due=heed_due,
        )
        found: dict[int, Mapping[str, Any]] = {order[row["number"]]: row for row in rows}
        return [
            found.get(place) or AgentNotFoundError(request["agent_id"])
            for place, request in enumerate(requests)
        ]

    async def _give_back(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Give back what a claim was given that nobody waits for any more."""
        for claim in map(Claim.from_record, records):
            await self.release(claim, "the claim was cancelled while it was under way")

    async def _close_lanes(self, agent_id: str, lanes_seen: int) -> None:
        """Close the empty lanes of an agent, where it found many open ones, now and then."""
        now = time.monotonic()
        if lanes_seen > MANY_LANES and now - self._closed_lanes_at > CLOSE_EVERY_SECONDS:
            self._closed_lanes_at = now
            try:
                await self._graph.write(
                    "tasks/close_lanes",
                    agent_id=agent_id,
                    limit=CLOSE_BATCH,
                    grace_seconds=GRACE_SECONDS,
                    command_id=new_hex(),
                )
            except StoreError as error:  # what was claimed counts; the lanes can wait
                logger.warning("empty lanes were not closed: %s", error)

    async def _take_up(self, request: dict[str, Any], given: int) -> Rows:
        wanted = {name: value for name, value in request.items() if name != "take_up"}
        if wanted["begin"] is not None:
            wanted["begin"] = max(0, wanted["begin"] - given)
        return await self._graph.write("tasks/take_up", **wanted | {"command_id": new_hex()})

    async def _claimed(self, request: dict[str, Any]) -> list[Mapping[str, Any]]:
        """What this very claim was given before, when its answer was lost."""
        command_id = request["command_id"]
        event_ids = [f"{command_id}:{place}" for place in range(request["limit"])]
        rows = await self._graph.read("tasks/claimed", event_ids=event_ids)
        for row in rows:
            if (row["type"], row["agent_id"]) != (EventType.ASSIGNED, request["agent_id"]):
                raise CommandConflictError("claim", None, command_id, used_for(row))
        return [row for row in rows if row["holds"]]

    async def _completed(
        self, row: dict[str, Any], was_told: bool | Exception
    ) -> TaskError | StoreQueryError | None:
        """What became of a completion that found nothing to do: done before, or refused."""
        if isinstance(was_told, StoreQueryError) and not isinstance(was_told, AlreadyAppliedError):
            return was_told
        try:
            await self._command(
                Command.COMPLETE,
                "tasks/complete",
                row["task_id"],
                row["command_id"],
                **{key: row[key] for key in ("attempt", "result", "duration_ms", "metrics")},
            )
        except (TaskError, StoreQueryError) as error:
            return error
        return None


def milliseconds_since(moment: float) -> float:
    """How long ago it was, by `time.perf_counter`."""
    return max(0.0, time.perf_counter() - moment) * 1_000


def _beat(
    claim: Claim,
    progress: float | None,
    message: str | None,
    began: float | None = None,
    event_id: str | None = None,
) -> dict[str, Any]:
    return {
        "ran_ms": None if began is None else milliseconds_since(began),
        "event_id": event_id,
        "task_id": claim.task_id,
        "attempt": claim.attempt,
        "lease_seconds": claim.lease_seconds,
        "progress": RATIO.of("progress", progress),
        "message": TEXT.of("message", message),
    }
