"""What can be asked of one task: the commands of the lifecycle, by its id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from graph_orch._async.creation import cancel_doomed
from graph_orch._async.due import AsyncDue
from graph_orch._async.graph import AlreadyAppliedError, AsyncGraph, AsyncTransaction, Rows
from graph_orch._async.querying import all_records
from graph_orch.domain.checks import (
    ATTEMPT,
    CONTENT,
    ERROR_CLASS,
    JSON,
    LEASE,
    MILLISECONDS,
    NAME,
    NAMES,
    SECONDS,
    TASK_ID,
    TEXT,
    command_id_of,
)
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import Command, DependencyFailure, ErrorClass, TaskStatus
from graph_orch.domain.models import Task
from graph_orch.domain.refusals import contention, refuse, refuse_conflict
from graph_orch.domain.values import dump_json, shortened
from graph_orch.errors import (
    DependencyCycleError,
    DependencyNotFoundError,
    StoreError,
    TaskNotFoundError,
)
from graph_orch.logs import logger_of
from graph_orch.store.batching import weight

TRIES = 5
"""How often a command starts again when it was refused, and the reason is gone when looked at."""
FREEING = frozenset(
    {Command.COMPLETE, Command.FAIL, Command.RELEASE, Command.CANCEL, Command.RETRY}
)
"""The commands after which there may be work for somebody who waits for it."""
logger = logger_of("graph_orch.commands")


class AsyncCommands:
    """Commands on single tasks.

    Every command may carry a `command_id` of the caller's: asked again with the same one, it
    changes nothing and answers the same. Without it one is made for the call.
    """

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph
        self._due = AsyncDue(graph)

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
            ConcurrencyLimitError: as many tasks with its concurrency_key are held as may be.
        """
        agent = NAME.of("agent_id", agent_id)
        row = await self._command(
            Command.ASSIGN,
            "tasks/assign",
            task_id,
            command_id,
            agent_id=agent,
            lease_seconds=LEASE.of("lease_seconds", lease_seconds),
        )
        return Task.from_record(row)

    async def start_task(
        self, task_id: str, *, attempt: int | None = None, command_id: str | None = None
    ) -> Task:
        """Say that the work has begun: assigned -> running.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is not assigned.
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
        """
        row = await self._command(
            Command.START,
            "tasks/start",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
        )
        return Task.from_record(row)

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
                milliseconds, else it is measured from the start.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is not running.
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
        """
        row = await self._command(
            Command.COMPLETE,
            "tasks/complete",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
            **outcome(result, metrics),
        )
        return Task.from_record(row)

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

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is neither assigned nor running.
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
        """
        text = shortened(CONTENT.of("error", error))
        kind = ERROR_CLASS.of("error_class", error_class)
        types = NAMES.of("error_types", error_types)
        detail: dict[str, object] = {"error": text, "class": kind.value}
        row = await self._command(
            Command.FAIL,
            "tasks/fail",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
            error=text,
            traceback=shortened(TEXT.of("traceback", traceback) or "") or None,
            detail=dump_json(detail | ({"types": types} if types else {})),
            should_retry=bool(should_retry)
            and kind not in (ErrorClass.PERMANENT, ErrorClass.BUDGET),
            error_types=types,
            delay=SECONDS.of("retry_after", retry_after),
            exclude_agent=bool(exclude_agent) or kind is ErrorClass.CAPABILITY,
            blameless=kind.is_blameless,
        )
        return Task.from_record(row)

    async def release_task(
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
            StaleAttemptError: `attempt` is given and is not the current one, or has ended.
        """
        row = await self._command(
            Command.RELEASE,
            "tasks/release",
            task_id,
            command_id,
            attempt=ATTEMPT.of("attempt", attempt),
            detail=_reason(reason),
        )
        return Task.from_record(row)

    async def cancel_task(
        self, task_id: str, reason: str | None = None, *, command_id: str | None = None
    ) -> Task:
        """Give a task up: pending, assigned or running -> cancelled.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task has ended.
        """
        row = await self._command(
            Command.CANCEL,
            "tasks/cancel",
            task_id,
            command_id,
            reason=reason if reason is None else shortened(CONTENT.of("reason", reason)),
            detail=_reason(reason),
        )
        return Task.from_record(row)

    async def retry_task(self, task_id: str, *, command_id: str | None = None) -> Task:
        """Let a failed or cancelled task begin again: retries, deadlines and excluded agents anew.

        Its history stays.

        Raises:
            TaskNotFoundError: there is no such task.
            InvalidTransitionError: the task is neither failed nor cancelled.
        """
        return Task.from_record(
            await self._command(Command.RETRY, "tasks/retry", task_id, command_id)
        )

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
        task = TASK_ID.of("task_id", task_id)
        other = TASK_ID.of("depends_on", depends_on)
        command = command_id_of(command_id)
        owing: list[str] = []
        try:
            row, owing = await self._graph.transaction(_add_dependency, task, other, command)
        except AlreadyAppliedError:
            row = None
        await self._follow_up(owing)
        if row is None:
            row = await self._explain(Command.ADD_DEPENDENCY, task, command, {"depends_on": other})
        if row is None:
            raise TaskNotFoundError(task)
        return Task.from_record(row)

    async def _command(
        self, command: Command, name: str, task_id: str, command_id: str | None, **params: Any
    ) -> Mapping[str, Any]:
        """Run a command's statement; where it has no row, find out why and say so."""
        key = TASK_ID.of("task_id", task_id)
        params |= {"task_id": key, "command_id": command_id_of(command_id)}
        for _ in range(TRIES):
            rows = await self._applied(command, name, params)
            if rows:
                if command in FREEING:
                    task = rows[0]["task"]
                    self._graph.work.tell((task["task_id"], task["attempt"], task["status"]))
                if rows[0].get("cascade"):
                    await self._follow_up([key])
                return rows[0]
            row = await self._explain(command, key, params["command_id"], params)
            if row is not None:
                return row
        raise contention(command, key)

    async def _applied(self, command: Command, name: str, params: dict[str, Any]) -> Rows:
        try:
            if command is Command.COMPLETE:
                return await self._completed_together(params)
            return await self._graph.write(name, **params)
        except AlreadyAppliedError:
            return ()

    async def _completed_together(self, params: dict[str, Any]) -> Rows:
        """Complete a task, together with whatever else is completed meanwhile."""
        row = await self._graph.together("complete", self._complete, params, outcome_weight(params))
        if row is not None and row["owing"]:
            await self._released(params["task_id"])
        return () if row is None else (row,)

    async def _complete(
        self, rows: Sequence[dict[str, Any]]
    ) -> list[Mapping[str, Any] | Exception | None]:
        """Complete tasks in one transaction; for each its row, or None where it was refused."""
        found, owing = await self._complete_once(rows, brief=False)
        return [
            {**found[row["command_id"]], "owing": row["task_id"] in owing}
            if row["command_id"] in found
            else None
            for row in rows
        ]

    async def _complete_once(
        self, rows: Sequence[dict[str, Any]], *, brief: bool
    ) -> tuple[dict[str, Mapping[str, Any]], set[str]]:
        """Complete tasks, the first command for each.

        Returns:
            By the ids of the commands that did, the task, or where `brief` nothing; and the tasks
            whose dependents are still to be released.
        """
        first = {row["task_id"]: row for row in reversed(rows)}
        (found,) = await self._graph.write(
            "tasks/complete", rows=list(first.values()), brief=brief, command_id=new_hex()
        )
        tasks: dict[str, Mapping[str, Any]] = {
            row["task"]["task_id"]: row for row in await all_records(self._graph, found)
        }
        done = {
            first[task_id]["command_id"]: tasks.get(task_id, {}) for task_id in found["task_ids"]
        }
        return done, set(found["owing"])

    async def _go_on(self, task: Mapping[str, Any]) -> None:
        """Do what follows from a command that was applied before: who sent it may not have."""
        self._graph.work.tell()
        if task["status"] in (TaskStatus.FAILED, TaskStatus.CANCELLED):
            await self._follow_up([task["task_id"]])
        elif task["status"] == TaskStatus.COMPLETED:
            await self._released(task["task_id"])

    async def _follow_up(self, task_ids: Sequence[str]) -> None:
        """Cancel what is to be cancelled with tasks that failed or were cancelled.

        The command itself is done: where this fails, whoever looks next goes on with it.
        """
        try:
            await self._due.cancel_dependents(task_ids)
        except StoreError as error:
            logger.warning("the dependents of %s are cancelled later: %s", task_ids, error)

    async def _released(self, task_id: str) -> None:
        """Release the dependents of a completed task that has many; see `_follow_up`."""
        try:
            await self._due.release_dependents(task_id)
        except StoreError as error:
            logger.warning("the dependents of %s are released later: %s", task_id, error)

    async def _explain(
        self, command: Command, task_id: str, command_id: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Raise why a command was refused; the task where it was applied before; else None."""
        (row,) = await self._graph.read(
            "tasks/inspect",
            task_id=task_id,
            agent_id=params.get("agent_id"),
            command_id=command_id,
        )
        if row["event"] is not None:
            asked = {**params, "command_id": command_id}
            refuse_conflict(command, task_id, asked, row["event"])
            await self._go_on(row["task"])
            return row
        refuse(command, task_id, params, row)
        return None


async def _add_dependency(
    tx: AsyncTransaction, task_id: str, depends_on: str, command_id: str
) -> tuple[Mapping[str, Any] | None, list[str]]:
    locked = await tx.run(
        "tasks/lock_dependency", task_ids=sorted({task_id, depends_on}), command_id=command_id
    )
    found = {row["task_id"]: row for row in locked}
    if task_id not in found:
        raise TaskNotFoundError(task_id)
    if depends_on not in found:
        raise DependencyNotFoundError([depends_on])
    await _refuse_cycle(tx, task_id, depends_on)
    rows = await tx.run(
        "tasks/add_dependency",
        task_id=task_id,
        depends_on=depends_on,
        detail=dump_json({"depends_on": depends_on}),
        command_id=command_id,
    )
    broken = found[depends_on]["status"] in (TaskStatus.FAILED, TaskStatus.CANCELLED)
    owing: list[str] = []
    if rows and broken and found[task_id]["on_dependency_failure"] == DependencyFailure.CANCEL:
        owing = await cancel_doomed(tx, [task_id], command_id)
        rows = await tx.run("tasks/get", task_id=task_id)
    return rows[0] if rows else None, owing


async def _refuse_cycle(tx: AsyncTransaction, task_id: str, depends_on: str) -> None:
    if task_id == depends_on:
        raise DependencyCycleError([task_id, task_id])
    paths = await tx.run("tasks/find_cycle", from_id=depends_on, to_id=task_id)
    if paths:
        raise DependencyCycleError([task_id, *paths[0]["path"]])


def outcome_weight(row: Mapping[str, Any]) -> int:
    """How many rows a completion counts as in a transaction, see `batching.weight`."""
    return weight(1, len(row["result"] or "") + len(row["metrics"] or ""))


def outcome(
    result: JsonValue,
    metrics: JsonValue | Mapping[str, JsonValue],
    duration_ms: float | None = None,
) -> dict[str, str | float | None]:
    """What a completed task keeps, as `tasks/complete` takes it."""
    return {
        "result": _json("result", result),
        "duration_ms": _duration(metrics) if duration_ms is None else duration_ms,
        "metrics": _json("metrics", metrics),
    }


def _json(name: str, value: object) -> str | None:
    return None if value is None else dump_json(JSON.of(name, value))


def _duration(metrics: JsonValue | Mapping[str, JsonValue]) -> float | None:
    given = metrics.get("duration_ms") if isinstance(metrics, Mapping) else None
    return None if given is None else MILLISECONDS.of("metrics.duration_ms", given)


def _reason(reason: str | None) -> str | None:
    return (
        None if reason is None else dump_json({"reason": shortened(CONTENT.of("reason", reason))})
    )
