"""The task queue: durable tasks with priorities, dependencies, retries and an audit trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import JsonValue

from graph_orch._sync.creation import Creation, cancel_dependents
from graph_orch._sync.graph import AlreadyAppliedError, Graph, Transaction, Rows
from graph_orch._sync.querying import Querying
from graph_orch.checks import (
    ATTEMPT,
    CONTENT,
    JSON,
    LEASE,
    LIMIT,
    MILLISECONDS,
    NAME,
    STATUS,
    TASK_ID,
    checked,
    command_id_of,
)
from graph_orch.errors import (
    AgentNotFoundError,
    DependencyCycleError,
    DependencyNotFoundError,
    TaskNotFoundError,
    ValidationError,
)
from graph_orch.lifecycle import Command, DependencyFailure, TaskPriority, TaskStatus
from graph_orch.models import NewTask, QueueStatistics, Task, TaskEvent, TaskFilters, TaskPage
from graph_orch.refusals import contention, refuse
from graph_orch.values import MAX_BATCH, MAX_BATCH_BYTES, dump_json

TRIES = 5
"""How often a command starts again when it was refused, and the reason is gone when looked at."""
DUE_BATCH = 1_000


class TaskQueue:
    """Tasks in a graph.

    Every command may carry a `command_id` of the caller's: asked again with the same one, it
    changes nothing and answers the same. Without it one is made for the call.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._creation = Creation(graph)
        self._querying = Querying(graph)

    def create_task(
        self,
        content: str,
        task_type: str,
        priority: TaskPriority | str = TaskPriority.MEDIUM,
        requirements: Sequence[str] | None = None,
        dependencies: Sequence[str] | None = None,
        *,
        task_id: str | None = None,
        idempotency_key: str | None = None,
        max_retries: int = 3,
        available_at: datetime | None = None,
        metadata: JsonValue = None,
        on_dependency_failure: DependencyFailure | str = DependencyFailure.WAIT,
    ) -> str:
        """Create a task, and return its id.

        With a `task_id` or an `idempotency_key` that exists, the existing task is the answer.

        Args:
            content: What is to be done, at most 1 MB as UTF-8.
            requirements: The skills that an agent must have, all of them.
            dependencies: The ids of tasks to be completed first, at most 10,000.
            max_retries: 3 allows four tries.
            available_at: An aware time before which nobody is given the task.
            metadata: Any JSON value, at most 1 MB.
            on_dependency_failure: "wait" (until the dependency is retried) or "cancel".

        Raises:
            ValidationError: an argument is not acceptable.
            DependencyNotFoundError: a dependency does not exist.
            TaskConflictError: the task_id exists with other fields.
        """
        fields = {name: value for name, value in locals().items() if name != "self"}
        task = checked("create_task", lambda: NewTask.model_validate(fields))
        return (self._creation.create([task]))[0]

    def create_tasks(self, tasks: Iterable[NewTask]) -> list[str]:
        """Create many tasks in one transaction, and return their ids in the same order.

        They may depend on each other, in any order.

        Raises:
            ValidationError: more than 10,000 tasks, or more than 32 MB of text.
            DependencyNotFoundError: a dependency is neither in the graph nor in the batch.
            DependencyCycleError: they wait for each other in a circle.
            TaskConflictError: a task_id exists with other fields.
        """
        batch = [
            checked("create_tasks", lambda t=task: NewTask.model_validate(t)) for task in tasks
        ]
        size = sum(len(task.content) for task in batch)
        if len(batch) > MAX_BATCH or size > MAX_BATCH_BYTES:
            raise ValidationError(
                f"create_tasks: {len(batch):,} tasks with {size:,} characters of content; at most "
                f"{MAX_BATCH:,} and {MAX_BATCH_BYTES:,} go into one transaction: split the batch"
            )
        return self._creation.create(batch)

    def get_task_status(self, task_id: str) -> Task | None:
        """The task as it is now; None where there is none of this id."""
        rows = self._graph.read("tasks/get", task_id=TASK_ID.of("task_id", task_id))
        return Task.from_record(rows[0]) if rows else None

    def poll_tasks(
        self,
        agent_id: str | None = None,
        status: TaskStatus | str = TaskStatus.PENDING,
        limit: int = 10,
    ) -> list[Task]:
        """The tasks to look at next.

        Pending means ready: nothing unmet, and due; with an agent, only what its skills cover;
        the highest priority first, then the oldest. For another status, the agent's tasks (or
        everybody's) that have it, oldest first.

        Raises:
            AgentNotFoundError: the agent is not registered.
        """
        agent = None if agent_id is None else NAME.of("agent_id", agent_id)
        wanted, limit = STATUS.of("status", status), LIMIT.of("limit", limit)
        if wanted is not TaskStatus.PENDING:
            filters = {"status": wanted, "agent_id": agent}
            return list(self._querying.page(TaskFilters.of(filters), limit, None))
        row = self._poll(agent, limit)
        if row["due"]:
            self.promote_due()
            row = self._poll(agent, limit)
        return [Task.from_record(found) for found in row["tasks"]]

    def assign_task(
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
        """
        agent = NAME.of("agent_id", agent_id)
        row = self._command(
            Command.ASSIGN,
            "tasks/assign",
            task_id,
            command_id,
            agent_id=agent,
            lease_seconds=LEASE.of("lease_seconds", lease_seconds),
        )
        return Task.from_record(row)

    def start_task(
        self, task_id: str, *, attempt: int | None = None, command_id: str | None = None
    ) -> Task:
        """Say that the work has begun: assigned -> running.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is not assigned.
            StaleAttemptError: `attempt` is given and is not the current one.
        """
        row = self._command(
            Command.START,
            "tasks/start",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
        )
        return Task.from_record(row)

    def complete_task(
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
                milliseconds, else it is measured from the start.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is not running.
            StaleAttemptError: `attempt` is given and is not the current one.
        """
        row = self._command(
            Command.COMPLETE,
            "tasks/complete",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
            result=_json("result", result),
            duration_ms=_duration(metrics),
            metrics=_json("metrics", metrics),
        )
        return Task.from_record(row)

    def fail_task(
        self,
        task_id: str,
        error: str,
        should_retry: bool = True,
        *,
        attempt: int | None = None,
        command_id: str | None = None,
    ) -> Task:
        """Say that the work failed: back to pending while retries are left, else failed.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is neither assigned nor running.
            StaleAttemptError: `attempt` is given and is not the current one.
        """
        text = CONTENT.of("error", error)
        row = self._command(
            Command.FAIL,
            "tasks/fail",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
            error=text,
            error_json=dump_json({"error": text}),
            should_retry=bool(should_retry),
        )
        return Task.from_record(row)

    def release_task(
        self,
        task_id: str,
        reason: str | None = None,
        *,
        attempt: int | None = None,
        command_id: str | None = None,
    ) -> Task:
        """Give a held task back unharmed: assigned or running -> pending, no retry spent.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is neither assigned nor running.
            StaleAttemptError: `attempt` is given and is not the current one.
        """
        row = self._command(
            Command.RELEASE,
            "tasks/release",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
            reason_json=_reason(reason),
        )
        return Task.from_record(row)

    def cancel_task(
        self, task_id: str, reason: str | None = None, *, command_id: str | None = None
    ) -> Task:
        """Give a task up: pending, assigned or running -> cancelled.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task has ended.
        """
        row = self._command(
            Command.CANCEL,
            "tasks/cancel",
            task_id,
            command_id,
            reason=reason if reason is None else CONTENT.of("reason", reason),
            reason_json=_reason(reason),
        )
        return Task.from_record(row)

    def retry_task(self, task_id: str, *, command_id: str | None = None) -> Task:
        """Let a failed or cancelled task begin again, with all its retries; its history stays.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is neither failed nor cancelled.
        """
        return Task.from_record(
            self._command(Command.RETRY, "tasks/retry", task_id, command_id)
        )

    def add_dependency(
        self, task_id: str, depends_on: str, *, command_id: str | None = None
    ) -> Task:
        """Let a pending task wait for another one. Asked twice, it is there once.

        Raises:
            TaskNotFoundError: there is no such task.
            DependencyNotFoundError: there is no task `depends_on`.
            InvalidTransitionError: the task is not pending.
            DependencyCycleError: `depends_on` waits, perhaps through others, for the task.
        """
        task = TASK_ID.of("task_id", task_id)
        other = TASK_ID.of("depends_on", depends_on)
        command = command_id_of(command_id)
        try:
            row = self._graph.transaction(_add_dependency, task, other, command)
        except AlreadyAppliedError:
            row = None
        if row is None:
            row = self._explain(Command.ADD_DEPENDENCY, task, command, {})
        if row is None:
            raise TaskNotFoundError(task)
        return Task.from_record(row)

    def query_tasks(
        self,
        filters: TaskFilters | Mapping[str, Any] | None = None,
        *,
        limit: int = 100,
        after: str | None = None,
    ) -> TaskPage:
        """The tasks that pass every filter given, oldest first.

        Args:
            filters: See `TaskFilters`; each takes one value or several.
            after: The `next_cursor` of the page before.

        Raises:
            ValidationError: a filter is unknown, or a value is not acceptable.
        """
        return self._querying.page(TaskFilters.of(filters), LIMIT.of("limit", limit), after)

    def get_history(self, task_id: str) -> list[TaskEvent]:
        """Everything that happened to a task, oldest first; [] where there is none of this id."""
        rows = self._graph.read("tasks/history", task_id=TASK_ID.of("task_id", task_id))
        return [TaskEvent.from_record(row) for row in rows]

    def get_queue_statistics(self) -> QueueStatistics:
        """The queue in numbers, without reading its history."""
        (row,) = self._graph.read("tasks/statistics")
        if row["due"]:
            self.promote_due()
            (row,) = self._graph.read("tasks/statistics")
        return QueueStatistics.from_record(row)

    def promote_due(self) -> int:
        """Make ready the delayed tasks whose time has come; how many there were.

        Polling and counting do this by themselves.
        """
        total, found = 0, DUE_BATCH
        while found == DUE_BATCH:
            (row,) = self._graph.write(
                "tasks/promote_due", limit=DUE_BATCH, command_id=str(uuid4())
            )
            found = row["found"]
            total += found
        return total

    def _poll(self, agent_id: str | None, limit: int) -> Mapping[str, Any]:
        if agent_id is None:
            return (self._graph.read("tasks/poll_all", limit=limit))[0]
        rows = self._graph.read("tasks/poll_agent", agent_id=agent_id, limit=limit)
        if not rows:
            raise AgentNotFoundError(agent_id)
        return rows[0]

    def _command(
        self, command: Command, name: str, task_id: str, command_id: str | None, **params: Any
    ) -> Mapping[str, Any]:
        """Run a command's statement; where it has no row, find out why and say so."""
        task = TASK_ID.of("task_id", task_id)
        params |= {"task_id": task, "command_id": command_id_of(command_id)}
        for _ in range(TRIES):
            rows = self._applied(command, name, params)
            if rows:
                return rows[0]
            row = self._explain(command, task, params["command_id"], params)
            if row is not None:
                return row
        raise contention(command, task)

    def _applied(self, command: Command, name: str, params: dict[str, Any]) -> Rows:
        try:
            if command in (Command.FAIL, Command.CANCEL):
                return self._graph.transaction(_end, name, params)
            return self._graph.write(name, **params)
        except AlreadyAppliedError:
            return ()

    def _explain(
        self, command: Command, task_id: str, command_id: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Raise why a command was refused; the task where it was applied before; else None."""
        (row,) = self._graph.read(
            "tasks/inspect",
            task_id=task_id,
            agent_id=params.get("agent_id"),
            command_id=command_id,
        )
        if row["event"] is not None and row["event"]["task_id"] == task_id:
            return row
        refuse(command, task_id, params, row)
        return None


def _end(tx: Transaction, name: str, params: dict[str, Any]) -> Rows:
    """End a task, and with it the dependents that ask for it."""
    rows = tx.run(name, **params)
    if rows and rows[0]["cascade"]:
        cancel_dependents(tx, [params["task_id"]], params["command_id"])
    return rows


def _add_dependency(
    tx: Transaction, task_id: str, depends_on: str, command_id: str
) -> Mapping[str, Any] | None:
    locked = tx.run(
        "tasks/lock_dependency", task_ids=sorted({task_id, depends_on}), command_id=command_id
    )
    found = {row["task_id"]: row for row in locked}
    if task_id not in found:
        raise TaskNotFoundError(task_id)
    if depends_on not in found:
        raise DependencyNotFoundError([depends_on])
    _refuse_cycle(tx, task_id, depends_on)
    rows = tx.run(
        "tasks/add_dependency", task_id=task_id, depends_on=depends_on, command_id=command_id
    )
    broken = found[depends_on]["status"] in (TaskStatus.FAILED, TaskStatus.CANCELLED)
    if rows and broken and found[task_id]["on_dependency_failure"] == DependencyFailure.CANCEL:
        tx.run("tasks/cancel_doomed", task_ids=[task_id], command_id=command_id)
        cancel_dependents(tx, [task_id], command_id)
        rows = tx.run("tasks/get", task_id=task_id)
    return rows[0] if rows else None


def _refuse_cycle(tx: Transaction, task_id: str, depends_on: str) -> None:
    if task_id == depends_on:
        raise DependencyCycleError([task_id, task_id])
    paths = tx.run("tasks/find_cycle", from_id=depends_on, to_id=task_id)
    if paths:
        raise DependencyCycleError([task_id, *paths[0]["path"]])


def _json(name: str, value: object) -> str | None:
    return None if value is None else dump_json(JSON.of(name, value))


def _reason(reason: str | None) -> str | None:
    return None if reason is None else dump_json({"reason": CONTENT.of("reason", reason)})


def _duration(metrics: JsonValue | Mapping[str, JsonValue]) -> float | None:
    given = metrics.get("duration_ms") if isinstance(metrics, Mapping) else None
    return None if given is None else MILLISECONDS.of("metrics.duration_ms", given)
