"""The task queue: durable tasks with priorities, dependencies, retries and an audit trail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Unpack

from pydantic import JsonValue

from graph_orch._async.bulk import AsyncBulk
from graph_orch._async.claims import AsyncClaims, heartbeat_of, milliseconds_since
from graph_orch._async.commands import AsyncCommands
from graph_orch._async.creation import AsyncCreation
from graph_orch._async.due import AsyncDue
from graph_orch._async.graph import AsyncGraph
from graph_orch._async.handling import AsyncHandling
from graph_orch._async.querying import AsyncQuerying, all_records
from graph_orch.domain.durable import Step, Waits
from graph_orch.domain.fields import (
    ATTEMPT,
    CONTENT,
    ERROR_CLASS,
    JSON,
    LEASE,
    LIMIT,
    LIST,
    MAX_BATCH,
    MAX_BATCH_BYTES,
    MILLISECONDS,
    NAME,
    NAMES,
    NEW_NAME,
    RATIO,
    SCORE,
    SECONDS,
    SHARE,
    SLOTS,
    STATUS,
    TASK_ID,
    TASK_IDS,
    TEXT,
    WAIT,
    command_id_of,
    instance,
    instances,
)
from graph_orch.domain.forms import dump_json, load_json, shortened
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import (
    ENDED,
    Command,
    ErrorClass,
    TaskPriority,
    TaskStatus,
)
from graph_orch.domain.models import (
    Claim,
    ClaimRequest,
    Completion,
    ConcurrencyLimit,
    NewTask,
    QueueStatistics,
    RetryPolicy,
    Task,
    TaskChanges,
    TaskEvent,
    TaskFilters,
    TaskOptions,
    TaskPage,
    TaskTry,
)
from graph_orch.domain.models.base import some_moment
from graph_orch.domain.models.budgets import used_of
from graph_orch.domain.refusals import refuse_stale, unrated
from graph_orch.errors import (
    AgentNotFoundError,
    StoreQueryError,
    StoreUnreachableError,
    TaskError,
    TaskNotFoundError,
    ValidationError,
)
from graph_orch.store.driving import native
from graph_orch.store.runtime import async_or_give_back

LOOKS = 10
"""How many batches of tasks that are due a poll looks at before it answers."""


class AsyncTaskQueue:
    """Tasks in a graph: creating, finding and counting them, commands on them, and claims.

    Every command may carry a `command_id` of the caller's: asked again with the same one, it
    changes nothing and answers the same. Without it one is made for the call.

    A claim is refused with StaleAttemptError once its task was given to somebody else, and with
    its subclass AttemptEndedError where its try has ended: its lease ran out, or the task was
    cancelled, released or finished.
    """

    def __init__(
        self,
        graph: AsyncGraph,
        *,
        retry_policy: RetryPolicy | None = None,
        claim_spread: int = 1,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """A queue on a graph.

        Args:
            retry_policy: For the tasks that are created here without one of their own.
            claim_spread: 1 claims in strict order. With n, a claim takes any of the n best tasks:
                many workers on one lane then wait less for each other, and order is approximate.
            clock: Says when a task is created, an aware time; default: the server's clock.
        """
        self._graph = graph
        self._due = AsyncDue(graph)
        self._bulk = AsyncBulk(graph)
        self._commands = AsyncCommands(graph)
        self._claims = AsyncClaims(graph, LIMIT.of("claim_spread", claim_spread))
        self._creation = AsyncCreation(graph, retry_policy or RetryPolicy(), clock)
        self._handling = AsyncHandling(graph, self._commands)
        self._querying = AsyncQuerying(graph)
        self._unanswered: dict[str, str] = {}
        """By agent, the id of its last claim, where the server went away before it answered."""

    async def create_task(
        self,
        content: str,
        task_type: str,
        priority: TaskPriority | str = TaskPriority.MEDIUM,
        requirements: Sequence[str] | None = None,
        dependencies: Sequence[str] | None = None,
        **options: Unpack[TaskOptions],
    ) -> str:
        """Create a task, and return its id.

        With a `task_id` or an `idempotency_key` that exists, the existing task is the answer.

        Args:
            content: What is to be done, at most 1 MB as UTF-8.
            requirements: The skills that an agent must have, all of them.
            dependencies: The ids of tasks to be completed first, at most 10,000.
            options: The other fields of `NewTask`, by name. Where no `retry_policy` is given, the
                queue's counts; the policy's `max_retries` counts where `max_retries` is left at 3.

        Raises:
            ValidationError: an argument is not acceptable.
            DependencyNotFoundError: a dependency does not exist.
            TaskConflictError: the task_id exists with other fields.
        """
        fields = {
            "content": content,
            "task_type": task_type,
            "priority": priority,
            "requirements": requirements,
            "dependencies": dependencies,
            **options,
        }
        return (await self._created([NewTask.parsed("create_task", fields)]))[0]

    async def create_tasks(self, tasks: Iterable[NewTask]) -> list[str]:
        """Create many tasks in one transaction, and return their ids in the same order.

        They may depend on each other, in any order.

        Raises:
            ValidationError: more than 10,000 tasks, or more than 32 MB of text.
            DependencyNotFoundError: a dependency is neither in the graph nor in the batch.
            DependencyCycleError: they wait for each other in a circle.
            TaskConflictError: a task_id exists with other fields.
        """
        batch = [NewTask.parsed("create_tasks", task) for task in LIST.of("create_tasks", tasks)]
        size = sum(len(task.content) + len(task.metadata_text or "") for task in batch)
        if len(batch) > MAX_BATCH or size > MAX_BATCH_BYTES:
            raise ValidationError(
                f"create_tasks: {len(batch):,} tasks with {size:,} characters; at most "
                f"{MAX_BATCH:,} and {MAX_BATCH_BYTES:,} go into one transaction: split the batch"
            )
        return await self._created(batch)

    async def get_task_status(self, task_id: str) -> Task | None:
        """The task as it is now; None where there is none of this id."""
        rows = await self._graph.read("tasks/get", task_id=TASK_ID.of("task_id", task_id))
        return Task.from_record(rows[0]) if rows and rows[0]["task"] else None

    async def get_task(self, task_id: str) -> Task:
        """The task as it is now.

        Raises:
            TaskNotFoundError: there is none of this id.
        """
        task = await self.get_task_status(task_id)
        if task is None:
            raise TaskNotFoundError(task_id)
        return task

    async def get_tasks(self, task_ids: Sequence[str]) -> list[Task]:
        """These tasks as they are now, those that exist, in the order given."""
        ids = TASK_IDS.of("task_ids", task_ids)
        (row,) = await self._graph.read("tasks/get_many", task_ids=ids)
        return [Task.from_record(record) for record in await all_records(self._graph, row)]

    async def get_dependency_results(self, task_id: str) -> dict[str, JsonValue]:
        """What the dependencies of a task gave, by their ids; None where one gave nothing."""
        rows = await self._graph.read("tasks/results", task_id=TASK_ID.of("task_id", task_id))
        return {row["task_id"]: load_json(row["result"]) for row in rows}

    async def poll_tasks(
        self,
        agent_id: str | None = None,
        status: TaskStatus | str = TaskStatus.PENDING,
        limit: int = 10,
        *,
        task_types: Sequence[str] | None = None,
    ) -> list[Task]:
        """The tasks to look at next.

        Pending means ready: nothing unmet, and due; with an agent, only what its skills cover;
        the highest priority first, then the oldest. For another status, the agent's tasks (or
        everybody's) that have it, oldest first.

        Args:
            task_types: Only tasks of these types.

        Raises:
            AgentNotFoundError: the agent is not registered.
        """
        agent = None if agent_id is None else NAME.of("agent_id", agent_id)
        wanted, limit = STATUS.of("status", status), LIMIT.of("limit", limit)
        types = None if task_types is None else NAMES.of("task_types", task_types)
        if wanted is not TaskStatus.PENDING:
            filters = {"status": wanted, "agent_id": agent, "task_type": types}
            return list(await self._querying.page(TaskFilters.of(filters), limit, None))
        row = await self._poll(agent, types, limit)
        if row["due"]:
            await self._due.process_due(LOOKS)
            row = await self._poll(agent, types, limit)
        return [Task.from_record(record) for record in await all_records(self._graph, row)]

    async def query_tasks(
        self,
        filters: TaskFilters | Mapping[str, Any] | None = None,
        *,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> TaskPage:
        """The tasks that pass every filter given, oldest first.

        Args:
            filters: See `TaskFilters`; each takes one value or several.
            after: The `next_cursor` of the page before, in the same order.
            newest_first: The other way round. Not together with `text`, `finished_after` or
                `finished_before`.

        Raises:
            ValidationError: a filter is unknown, or a value is not acceptable.
        """
        wanted, limit = TaskFilters.of(filters), LIMIT.of("limit", limit)
        if newest_first:
            return await self._querying.newest(wanted, limit, after)
        return await self._querying.page(wanted, limit, after)

    async def index_content(self) -> int:
        """Bring the full-text index up to date; how many tasks were put into it.

        `query_tasks` with `text` does so by itself, first: where there are many new tasks that
        takes its time, about 0.1 s for every thousand.
        """
        return await self._querying.index_content()

    async def get_history(self, task_id: str) -> list[TaskEvent]:
        """Everything that happened to a task, oldest first; [] where there is none of this id."""
        rows = await self._graph.read("tasks/history", task_id=TASK_ID.of("task_id", task_id))
        return [TaskEvent.from_record(row) for row in rows if row["event"]]

    async def get_tries(self, task_id: str) -> list[TaskTry]:
        """Every try of a task, the first first: whose it was, when, how it ended, how long it took.

        [] where there is none of this id, or it was not tried yet.
        """
        rows = await self._graph.read("tasks/tries", task_id=TASK_ID.of("task_id", task_id))
        return [TaskTry.from_record(row["try"]) for row in rows]

    async def get_queue_statistics(self) -> QueueStatistics:
        """The queue in numbers, without reading its history."""
        (row,) = await self._graph.read("tasks/statistics")
        if row["due"]:
            await self._due.process_due(LOOKS)
            (row,) = await self._graph.read("tasks/statistics")
        return QueueStatistics.from_record(row)

    async def set_concurrency_limit(self, key: str, limit: int) -> ConcurrencyLimit:
        """Say how many tasks with a concurrency key may be held at once, by all agents together."""
        rows = await self._graph.write(
            "limits/set", key=NAME.of("key", key), max=SLOTS.of("limit", limit)
        )
        self._graph.work.tell()
        return ConcurrencyLimit.from_record(native(rows[0]["limit"]))

    async def set_rate_limit(
        self, key: str, limit: int | None, per_seconds: float = 60.0, *, burst: int | None = None
    ) -> ConcurrencyLimit:
        """Say how many tasks with a concurrency key may begin in a time, by all agents together.

        A token bucket, by the server's clock: tokens come evenly, `limit` of them in
        `per_seconds`; each try takes one when it is given out. How many are held at once is
        limited beside that as `set_concurrency_limit` says, and not at all where that was never
        called for the key.

        Args:
            limit: None: as many as come.
            burst: How many tokens are kept while nothing begins; by default `limit`. With 1 there
                is a pause of `per_seconds / limit` between any two.

        Raises:
            ValidationError: an argument is not acceptable.
        """
        params: dict[str, Any] = {"interval_seconds": None, "burst": None}
        if limit is not None:
            most = SLOTS.of("limit", limit)
            seconds = LEASE.of("per_seconds", per_seconds) or 0.0
            params["interval_seconds"] = seconds / most
            params["burst"] = most if burst is None else SLOTS.of("burst", burst)
        rows = await self._graph.write("limits/set_rate", key=NAME.of("key", key), **params)
        self._graph.work.tell()
        return ConcurrencyLimit.from_record(native(rows[0]["limit"]))

    async def get_concurrency_limit(self, key: str) -> ConcurrencyLimit | None:
        """The limit of a concurrency key; None where no task has had it, and nobody set one."""
        rows = await self._graph.read("limits/get", key=NAME.of("key", key))
        return ConcurrencyLimit.from_record(native(rows[0]["limit"])) if rows else None

    async def get_concurrency_limits(self, limit: int = 100) -> list[ConcurrencyLimit]:
        """The limits that somebody set, in the order of their keys, those of rates too."""
        rows = await self._graph.read("limits/list", limit=LIMIT.of("limit", limit))
        return [ConcurrencyLimit.from_record(native(row["limit"])) for row in rows]

    async def set_fairness_weight(self, key: str, weight: float) -> None:
        """Say how large a share the tasks with a fairness key take of what is given out; 1 else.

        Where tasks of several keys are ready, an agent is given tasks of each in proportion to its
        weight, within a priority (with aging, whatever the priority). All tasks without a key share
        as one key of weight 1. A key without ready tasks saves up nothing.

        Args:
            weight: From 0.001 to 1,000; with twice the weight twice as many tasks are given out.

        Raises:
            ValidationError: an argument is not acceptable.
        """
        await self._graph.write(
            "limits/share", key=NEW_NAME.of("key", key), weight=SHARE.of("weight", weight)
        )

    async def get_fairness_weights(self) -> dict[str, float]:
        """The weights of the fairness keys that were set to another than 1, by the keys."""
        rows = await self._graph.read("limits/shares")
        return {row["key"]: row["weight"] for row in rows}

    async def set_aging(self, aging_seconds: float | None) -> None:
        """Say how long a task must wait to come before newer ones of the next higher priority.

        Whoever waits rises: after `2 * aging_seconds` a low task comes before any high one that is
        created then. None: strictly by priority. It counts for tasks created from now on.
        """
        seconds = LEASE.of("aging_seconds", aging_seconds)
        await self._graph.write("tasks/set_aging", seconds=seconds)

    async def assign_task(
        self,
        task_id: str,
        agent_id: str,
        *,
        lease_seconds: float | None = None,
        command_id: str | None = None,
    ) -> Task:
        """Give a ready task to an agent: pending -> assigned.

        Raises:
            TaskNotFoundError, AgentNotFoundError: there is none of this id.
            InvalidTransitionError: the task is not pending.
            UnmetDependencyError: it waits for another task.
            TaskNotDueError: its time has not come.
            MissingCapabilityError: the agent lacks a required skill.
            AgentAtCapacityError: the agent has no free slot.
            AgentPausedError, TaskPausedError: the agent, or the queue, the task's type or its
                workflow, is paused.
            ConcurrencyLimitError: as many tasks with its concurrency_key are held as may be.
            RateLimitError: none of that key may begin yet.
        """
        return await self._commands.run(
            Command.ASSIGN,
            "tasks/assign",
            task_id,
            command_id,
            agent_id=NAME.of("agent_id", agent_id),
            lease_seconds=LEASE.of("lease_seconds", lease_seconds),
        )

    async def reassign_task(
        self,
        task_id: str,
        agent_id: str,
        *,
        lease_seconds: float | None = None,
        reason: str | None = None,
        attempt: int | None = None,
        command_id: str | None = None,
    ) -> Task:
        """Take a held task from its agent and give it to another: assigned or running -> assigned.

        In one step, so that nobody else gets it in between. The try of the agent that held it ends
        as released: no retry is spent, and what it still says of the task is refused.

        Raises:
            TaskNotFoundError, AgentNotFoundError: there is none of this id.
            InvalidTransitionError: the task is neither assigned nor running.
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
            TaskError: the agent holds the task already.
            MissingCapabilityError: the agent lacks a required skill.
            AgentPausedError: the agent is paused.
            AgentAtCapacityError: the agent has no free slot.
        """
        return await self._commands.run(
            Command.REASSIGN,
            "tasks/reassign",
            task_id,
            command_id,
            agent_id=NAME.of("agent_id", agent_id),
            lease_seconds=LEASE.of("lease_seconds", lease_seconds),
            attempt=ATTEMPT.of("attempt", attempt),
            detail=_detail(_shortened("reason", reason)),
        )

    async def start_task(
        self, task_id: str, *, attempt: int | None = None, command_id: str | None = None
    ) -> Task:
        """Say that the work has begun: assigned -> running.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is not assigned.
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
        """
        return await self._commands.run(
            Command.START,
            "tasks/start",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
        )

    async def heartbeat_task(
        self,
        task_id: str,
        attempt: int | None = None,
        *,
        lease_seconds: float | None = None,
        progress: float | None = None,
        message: str | None = None,
    ) -> Task:
        """Keep a held task for another lease from now, and say how far the work is (0 to 1).

        Args:
            attempt: None: the current one.
            lease_seconds: How long it is held without another heartbeat; None: as long as before.

        Raises:
            TaskNotFoundError: there is no such task.
            StaleAttemptError: `attempt` is not the current one, or has ended; drop the work.
        """
        held = ATTEMPT.of("attempt", attempt)
        task = await self.get_task(task_id)
        beat = heartbeat_of(
            task.task_id,
            task.attempt if held is None else held,
            LEASE.of("lease_seconds", lease_seconds),
            RATIO.of("progress", progress),
            TEXT.of("message", message),
        )
        return task.model_copy(update=await self._kept(task.assigned_to or "", beat))

    async def complete_task(
        self,
        task_id: str,
        result: JsonValue = None,
        metrics: JsonValue | Mapping[str, JsonValue] = None,
        *,
        attempt: int | None = None,
        command_id: str | None = None,
    ) -> Task:
        """Say that the work is done: running -> completed. Tasks that waited for it become ready.

        Args:
            result: Any JSON value, at most 1 MB.
            metrics: Any JSON value; the `duration_ms` of an object is the duration of the work in
                milliseconds, else it is measured from the start; `tokens` and `cost` are what
                budgets pay for the try.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is not running.
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
        """
        return await self._commands.run(
            Command.COMPLETE,
            "tasks/complete",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
            **_outcome(result, metrics),
        )

    async def fail_task(
        self,
        task_id: str,
        error: str,
        should_retry: bool = True,
        *,
        error_class: ErrorClass | str = ErrorClass.TRANSIENT,
        error_types: Sequence[str] = (),
        retry_after: float | None = None,
        exclude_agent: bool = False,
        traceback: str | None = None,
        metrics: Mapping[str, JsonValue] | None = None,
        attempt: int | None = None,
        command_id: str | None = None,
    ) -> Task:
        """Say that the work failed: back to pending while retries are left, else failed.

        Args:
            error_class: "transient"; "permanent" or "budget" are not tried again; "capability" is,
                but not by this agent. "capability" and "budget" do not count as its failure.
            error_types: The kinds of error that it is, such as ["ValueError"]; those that the
                task's retry policy names as `non_retryable` are not tried again.
            retry_after: Seconds until the next try; else the task's retry policy says.
            exclude_agent: Do not give the task to this agent again, until `retry_task`.
            traceback: Where it failed, to be kept with the try (`TaskTry.traceback`). Of this and
                of `error` 20,000 characters are kept: the beginning and the end.
            metrics: Of these, `tokens` and `cost` are what budgets pay for the try.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is neither assigned nor running.
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
        """
        text = shortened(CONTENT.of("error", error))
        kind = ERROR_CLASS.of("error_class", error_class)
        types = NAMES.of("error_types", error_types)
        detail: dict[str, object] = {"error": text, "class": kind.value}
        return await self._commands.run(
            Command.FAIL,
            "tasks/fail",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
            error=text,
            traceback=shortened(TEXT.of("traceback", traceback) or "") or None,
            detail=dump_json(detail | ({"types": types} if types else {})),
            should_retry=bool(should_retry) and kind.is_tried_again,
            error_types=types,
            delay=SECONDS.of("retry_after", retry_after),
            exclude_agent=bool(exclude_agent) or kind is ErrorClass.CAPABILITY,
            blameless=kind.is_blameless,
            used=used_of(metrics),
        )

    async def release_task(
        self,
        task_id: str,
        reason: str | None = None,
        *,
        attempt: int | None = None,
        exclude_agent: bool = False,
        metrics: Mapping[str, JsonValue] | None = None,
        command_id: str | None = None,
    ) -> Task:
        """Give a held task back unharmed: assigned or running -> pending, no retry spent.

        Args:
            exclude_agent: Do not give the task to its holder again, until `retry_task`.
            metrics: Of these, `tokens` and `cost` are what budgets pay for the try.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is neither assigned nor running.
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
        """
        return await self._commands.run(
            Command.RELEASE,
            "tasks/release",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
            exclude_agent=bool(exclude_agent),
            detail=_detail(_shortened("reason", reason)),
            used=used_of(metrics),
        )

    async def suspend_task(
        self,
        task_id: str,
        seconds: float = 0.0,
        *,
        awaits: Sequence[str] = (),
        attempt: int | None = None,
        command_id: str | None = None,
    ) -> Task:
        """Give a held task back until it can go on: assigned or running -> pending, no retry spent.

        It can be claimed again when the time is over and the tasks named have ended, however they
        ended. A worker does this where its handler sleeps, asks a person, or gathers results.

        Args:
            seconds: How long it waits at least.
            awaits: The ids of tasks for whose end it waits; those that have ended are not waited
                for.

        Raises:
            TaskNotFoundError: there is no such task, or it is to wait for one that does not exist.
            InvalidTransitionError: the task is neither assigned nor running.
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
            DependencyCycleError: it is to wait for a task that waits for it.
        """
        waits = Waits(
            seconds=SECONDS.of("seconds", seconds) or 0.0, awaits=TASK_IDS.of("awaits", awaits)
        )
        number = ATTEMPT.of("attempt", attempt)
        key = TASK_ID.of("task_id", task_id)
        await self._handling.ended(waits.awaits)  # raises where one does not exist
        return await self._handling.suspend(key, number, waits, command_id)

    async def get_steps(self, task_id: str) -> list[Step]:
        """The steps that the handler of a task has kept, in the order in which it kept them.

        Raises:
            TaskNotFoundError: there is no such task.
        """
        kept = await self._handling.kept(TASK_ID.of("task_id", task_id))
        return sorted(kept.steps.values(), key=attrgetter("at", "key"))

    async def cancel_task(
        self, task_id: str, reason: str | None = None, *, command_id: str | None = None
    ) -> Task:
        """Give a task up: pending, assigned or running -> cancelled.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task has ended.
        """
        text = _shortened("reason", reason)
        return await self._commands.run(
            Command.CANCEL, "tasks/cancel", task_id, command_id, reason=text, detail=_detail(text)
        )

    async def retry_task(
        self, task_id: str, *, from_start: bool = False, command_id: str | None = None
    ) -> Task:
        """Let a failed or cancelled task begin again: retries, deadlines and excluded agents anew.

        Its history stays, and the steps that its handler kept.

        Args:
            from_start: Forget the steps too, so that the handler takes each of them again.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is neither failed nor cancelled.
            WorkflowCancelledError: its workflow was cancelled; `workflows.retry` lets it go on.
        """
        return await self._commands.run(
            Command.RETRY, "tasks/retry", task_id, command_id, from_start=bool(from_start)
        )

    async def cancel_tasks(
        self,
        filters: TaskFilters | Mapping[str, Any],
        *,
        reason: str | None = None,
        dry_run: bool = False,
    ) -> int:
        """Give up every live task that passes the filters; how many that were.

        As `cancel_task` does it, in steps of 500 tasks, each a transaction. Where this is broken
        off, calling it again goes on. A task that no longer passes the filters when its turn comes,
        since it was claimed or has ended, stays as it is.

        Args:
            filters: As `query_tasks` takes them, and one at least: every live task is meant by
                `{"status": ["pending", "assigned", "running"]}`.
            dry_run: Change nothing, and say how many tasks pass the filters now.

        Raises:
            ValidationError: no filter is given, or one is not acceptable, or only statuses are
                asked for from which no task can be cancelled.
        """
        wanted, why = TaskFilters.of(filters), _shortened("reason", reason)
        if dry_run:
            return await self._bulk.count(Command.CANCEL, wanted)
        return await self._bulk.cancel(wanted, why)

    async def retry_tasks(
        self,
        filters: TaskFilters | Mapping[str, Any],
        *,
        from_start: bool = False,
        dry_run: bool = False,
    ) -> int:
        """Let every failed or cancelled task that passes the filters begin again; how many it were.

        As `retry_task` does it, in steps as `cancel_tasks` has them. Tasks of a workflow that was
        cancelled stay as they are: `workflows.retry` lets it go on.

        Args:
            filters: As `query_tasks` takes them, and one at least: `{"status": ["failed",
                "cancelled"]}` means all.
            from_start: Forget the steps of their handlers too.
            dry_run: Change nothing, and say how many tasks pass the filters now.

        Raises:
            ValidationError: as for `cancel_tasks`.
        """
        wanted = TaskFilters.of(filters)
        if dry_run:
            return await self._bulk.count(Command.RETRY, wanted)
        return await self._bulk.retry(wanted, from_start=bool(from_start))

    async def add_dependency(
        self, task_id: str, depends_on: str, *, command_id: str | None = None
    ) -> Task:
        """Let a pending task wait for another one. Asked twice, it is there once.

        Raises:
            TaskNotFoundError: there is no such task.
            DependencyNotFoundError: there is no task `depends_on`.
            InvalidTransitionError: the task is not pending.
            DependencyCycleError: `depends_on` waits, perhaps through others, for the task.
        """
        return await self._commands.add_dependency(
            TASK_ID.of("task_id", task_id),
            TASK_ID.of("depends_on", depends_on),
            command_id_of(command_id),
        )

    async def update_task(
        self, task_id: str, *, command_id: str | None = None, **changes: Unpack[TaskChanges]
    ) -> Task:
        """Change what a task that has not ended asks for; the task as it is then.

        Where an agent holds it, that agent goes on; requirements and estimate count for the next
        try. A task keeps its place among those of the same priority.

        Args:
            changes: Fields of `NewTask`: priority, requirements, metadata, estimate, the team, the
                labels, the fairness key, and the three deadlines. schedule_to_start_seconds and
                schedule_to_close_seconds count from now;
                None takes a field away.

        Raises:
            ValidationError: nothing is to change, or a field that cannot, or not to this value.
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: it has ended.
        """
        others = changes.keys() - TaskChanges.__annotations__.keys()
        if others or not changes:
            wrong = f"{', '.join(sorted(others))} cannot change" if others else "nothing is given"
            fields = ", ".join(TaskChanges.__annotations__)
            raise ValidationError(f"update_task: {wrong}; what can change is: {fields}")
        wanted = NewTask.parsed("update_task", {"content": "", "task_type": "x", **changes})
        fields = {name: getattr(wanted, name) for name in changes}
        return await self._commands.update(task_id, command_id, fields)

    async def rate(
        self,
        task_id: str,
        score: float,
        *,
        by: str | None = None,
        comment: str | None = None,
        attempt: int | None = None,
    ) -> TaskTry:
        """Say how good the work of a try was, 0 to 1; the try with what is said of it.

        Rated again, by whoever, the newest counts; the history keeps all. Nothing is routed by it.

        Args:
            by: Who says so.
            comment: Kept with the try; of this, 20,000 characters.
            attempt: Which try is meant; None: the last one that was completed.

        Raises:
            ValidationError: an argument is not acceptable.
            TaskNotFoundError: there is no such task.
            TaskError: it has no such try, or that has not ended.
        """
        key, number = TASK_ID.of("task_id", task_id), ATTEMPT.of("attempt", attempt)
        given = {
            "score": SCORE.of("score", score),
            "by": None if by is None else NAME.of("by", by),
            "comment": _shortened("comment", comment),
        }
        detail = dump_json({name: value for name, value in given.items() if value is not None})
        rows = await self._graph.write(
            "tasks/rate", task_id=key, number=number, detail=detail, command_id=new_hex(), **given
        )
        if not rows:
            raise unrated(await self.get_task(key), number)
        return TaskTry.from_record(rows[0]["try"])

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
                    self._claims.claim(wanted, command), self._give_back
                )
            except StoreUnreachableError:
                self._unanswered[wanted.agent_id] = command
                raise
            left = deadline - time.monotonic()
            if records or left <= 0 or not await self._claims.wait_for_work(wanted, left, seen):
                return [Claim.from_record(record) for record in records]

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
        beat = heartbeat_of(
            claim.task_id,
            claim.attempt,
            claim.lease_seconds,
            RATIO.of("progress", progress),
            TEXT.of("message", message),
        )
        kept = await self._kept(claim.agent_id, beat)
        return claim.model_copy(update={"lease_expires_at": kept["lease_expires_at"]})

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
        return await self._commands.complete_all(
            [completion_row(one) for one in instances("done", Completion, done)]
        )

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
        metrics: Mapping[str, JsonValue] | None = None,
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
            metrics=metrics,
            attempt=claim.attempt,
            command_id=command_id,
        )

    async def release(self, claim: Claim, reason: str | None = None) -> Task:
        """Give a claim back unharmed: no retry is spent."""
        claim = instance("claim", Claim, claim)
        return await self.release_task(claim.task_id, reason, attempt=claim.attempt)

    async def process_due(self, batches: int | None = None) -> int:
        """Look at every task whose time has come; how many there were.

        A delay ends: the task becomes ready. A lease runs out, or the time to finish a try: the
        try failed. The time to start, or the overall time, is over: the task failed. Claiming,
        polling and counting do this by themselves; it needs no leader.

        Args:
            batches: Stop after so many batches of 500.
        """
        return await self._due.process_due(ATTEMPT.of("batches", batches))

    async def wait_until_ended(self, task_id: str, seconds: float) -> Task:
        """The task once it is finished, or as it is when the time is up.

        Raises:
            TaskNotFoundError: there is no such task.
        """
        return await self.wait_for_change(task_id, None, seconds)

    async def wait_for_change(self, task_id: str, seen: Task | None, seconds: float) -> Task:
        """The task once it is not as it was `seen`, is finished, or the time is up.

        Raises:
            TaskNotFoundError: there is no such task.
        """
        deadline = time.monotonic() + WAIT.of("seconds", seconds)
        while True:
            told = self._graph.work.seen
            task = await self.get_task(task_id)
            left = deadline - time.monotonic()
            if task.status in ENDED or left <= 0 or (seen is not None and _moved(task, seen)):
                return task
            await self._graph.wait(told, left)

    async def _give_back(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Give back what a claim was given that nobody waits for any more."""
        for claim in map(Claim.from_record, records):
            await self.release(claim, "the claim was cancelled while it was under way")

    async def _kept(self, agent_id: str, beat: dict[str, Any]) -> dict[str, Any]:
        """Send one heartbeat: the fields of the task that it changes; a refusal is raised."""
        (row,) = await self._claims.keep(agent_id, [beat])
        if row["status"] is None:
            raise TaskNotFoundError(beat["task_id"])
        if not row["kept"]:
            node = {"task_id": beat["task_id"], "attempt": row["current_attempt"]}
            refuse_stale("keep", beat["attempt"], node | {"status": row["status"]})
        said = {"progress": beat["progress"], "progress_message": beat["message"]}
        return {
            "lease_expires_at": some_moment(row["lease_expires_at"]),
            **{name: value for name, value in said.items() if value is not None},
        }

    async def _created(self, tasks: list[NewTask]) -> list[str]:
        ids = await self._creation.create(tasks)
        self._graph.work.tell()
        return ids

    async def _poll(
        self, agent_id: str | None, task_types: list[str] | None, limit: int
    ) -> Mapping[str, Any]:
        what = {"task_types": task_types, "limit": limit}
        if agent_id is None:
            return (await self._graph.read("tasks/poll_all", **what))[0]
        rows = await self._graph.read("tasks/poll_agent", agent_id=agent_id, **what)
        if not rows:
            raise AgentNotFoundError(agent_id)
        await self._claims.close_lanes(agent_id, rows[0]["lanes_seen"])
        return rows[0]


def completion_row(one: Completion) -> dict[str, Any]:
    """A completion as `tasks/complete` takes it."""
    return {
        "task_id": one.claim.task_id,
        "attempt": one.claim.attempt,
        "command_id": one.command_id,
        "ran_ms": None if one.began is None else milliseconds_since(one.began),
        **_outcome(one.result, one.metrics, one.duration_ms),
    }


def _outcome(
    result: JsonValue,
    metrics: JsonValue | Mapping[str, JsonValue],
    duration_ms: float | None = None,
) -> dict[str, Any]:
    """What a completed task keeps, as `tasks/complete` takes it."""
    if duration_ms is None and isinstance(metrics, Mapping):
        given = metrics.get("duration_ms")
        duration_ms = None if given is None else MILLISECONDS.of("metrics.duration_ms", given)
    return {
        "result": None if result is None else dump_json(JSON.of("result", result)),
        "duration_ms": duration_ms,
        "metrics": None if metrics is None else dump_json(JSON.of("metrics", metrics)),
        "used": used_of(metrics),
    }


def _shortened(name: str, text: str | None) -> str | None:
    return None if text is None else shortened(CONTENT.of(name, text))


def _detail(reason: str | None) -> str | None:
    """The detail of an event that has a reason."""
    return None if reason is None else dump_json({"reason": reason})


def _moved(task: Task, seen: Task) -> bool:
    """Whether something happened to a task that somebody who follows it wants to hear of."""
    followed = attrgetter("status", "attempt", "unmet", "progress", "progress_message")
    return followed(task) != followed(seen)
