"""The commands of the lifecycle on single tasks: applied in one statement, or refused with why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from graph_orch._async.creation import add_lanes, cancel_doomed, changed, refuse_currencies
from graph_orch._async.due import AsyncDue
from graph_orch._async.graph import AlreadyAppliedError, AsyncGraph, AsyncTransaction
from graph_orch._async.querying import all_records
from graph_orch.domain.fields import TASK_ID, command_id_of
from graph_orch.domain.forms import dump_json
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import BROKEN, Command, DependencyFailure, TaskStatus
from graph_orch.domain.models import Task
from graph_orch.domain.refusals import contention, refuse, refuse_conflict
from graph_orch.errors import (
    DependencyCycleError,
    DependencyNotFoundError,
    StoreError,
    StoreQueryError,
    TaskError,
    TaskNotFoundError,
)
from graph_orch.logs import logger_of
from graph_orch.store.batching import AsyncCombiner, weight
from graph_orch.store.runtime import AsyncResult

LANES = {"lane", "fallback_lane"}
TRIES = 5
"""How often a command starts again when it was refused, and the reason is gone when looked at."""
FREEING = frozenset(Command) - {Command.ASSIGN, Command.START, Command.ADD_DEPENDENCY}
"""The commands after which there may be work for somebody who waits for it."""
Record = Mapping[str, Any]
"""What `Task.from_record` takes."""
Apply = Callable[[Command, str, dict[str, Any]], AsyncResult["Record | None"]]
"""Applies a command; None where it was refused."""
logger = logger_of("graph_orch.commands")


class AsyncCommands:
    """Runs commands, with arguments that were checked, on the tasks of one graph."""

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph
        self._due = AsyncDue(graph)
        self._completing = AsyncCombiner[dict[str, Any], tuple[Record, bool] | None](
            self._complete, weigh=_outcome_weight, check=graph.check_usable
        )
        # Batches of completions keep the server busy by themselves, so that two go at once.
        self._completing_many = AsyncCombiner[dict[str, Any], bool](
            self._complete_many, weigh=_outcome_weight, at_once=2, check=graph.check_usable
        )

    async def run(
        self,
        command: Command,
        name: str,
        task_id: str,
        command_id: str | None,
        apply: Apply | None = None,
        **params: Any,
    ) -> Task:
        """Run the statement of a command; where it has no row, raise why it was refused.

        Args:
            apply: Runs it instead, where more goes into its transaction.
        """
        key, command_id = TASK_ID.of("task_id", task_id), command_id_of(command_id)
        params |= {"task_id": key, "command_id": command_id}
        for _ in range(TRIES):
            record = await (apply or self._applied)(command, name, params)
            if record is not None:
                if command in FREEING:
                    task = record["task"]
                    # A task that was reassigned is in its next attempt already.
                    ended = task["attempt"] - (command is Command.REASSIGN)
                    self._graph.work.tell((key, ended, task["status"]))
                if record.get("cascade"):
                    await self._follow_up([key])
                return Task.from_record(record)
            record = await self._explain(command, key, command_id, params)
            if record is not None:
                return Task.from_record(record)
        raise contention(command, key)

    async def _applied(self, command: Command, name: str, params: dict[str, Any]) -> Record | None:
        try:
            if command is not Command.COMPLETE:
                rows = await self._graph.write(name, **params)
                return rows[0] if rows else None
            completed = await self._completing.submit(params)
        except AlreadyAppliedError:
            return None
        if completed is None:
            return None
        record, owes = completed
        if owes:
            await self._release_dependents(params["task_id"])
        return record

    async def complete_all(
        self, rows: Sequence[dict[str, Any]]
    ) -> list[TaskError | StoreQueryError | None]:
        """Complete many tasks; for each row None, or why it was refused."""
        told = await self._completing_many.submit_all(rows)
        self._graph.work.tell()
        answers: list[TaskError | StoreQueryError | None] = []
        for row, was_told in zip(rows, told, strict=True):
            if was_told is True:
                answers.append(None)
            elif isinstance(was_told, StoreQueryError) and not isinstance(
                was_told, AlreadyAppliedError
            ):
                answers.append(was_told)
            else:
                answers.append(await self._refusal(row))
        return answers

    async def _refusal(self, row: dict[str, Any]) -> TaskError | StoreQueryError | None:
        """Why a completion changed nothing; None where this very command was applied before."""
        given = {
            name: row[name] for name in ("attempt", "result", "duration_ms", "metrics", "used")
        }
        try:
            await self.run(
                Command.COMPLETE, "tasks/complete", row["task_id"], row["command_id"], **given
            )
        except (TaskError, StoreQueryError) as error:
            return error
        return None

    async def _complete(
        self, rows: Sequence[dict[str, Any]]
    ) -> list[tuple[Record, bool] | Exception | None]:
        """Complete tasks together; for each row None, or the task and whether it is still owed
        that its dependents are released."""
        done, found = await self._complete_once(rows, brief=False)
        records = {it["task"]["task_id"]: it for it in await all_records(self._graph, found)}
        owing = set(found["owing"])
        return [
            (records[row["task_id"]], row["task_id"] in owing)
            if row["command_id"] in done and row["task_id"] in records
            else None
            for row in rows
        ]

    async def _complete_many(self, rows: Sequence[dict[str, Any]]) -> list[bool | Exception]:
        """Complete tasks together; for each row whether it was."""
        done, _ = await self._complete_once(rows, brief=True)
        return [row["command_id"] in done for row in rows]

    async def _complete_once(
        self, rows: Sequence[dict[str, Any]], *, brief: bool
    ) -> tuple[set[str], Record]:
        """Complete tasks, the first command for each: the ids of these commands, and the answer."""
        first = {row["task_id"]: row for row in reversed(rows)}
        (found,) = await self._graph.write(
            "tasks/complete", rows=list(first.values()), brief=brief, command_id=new_hex()
        )
        return {first[task_id]["command_id"] for task_id in found["task_ids"]}, found

    async def update(
        self, task_id: str, command_id: str | None, fields: Mapping[str, object]
    ) -> Task:
        """Change fields of a task that has not ended."""
        return await self.run(
            Command.UPDATE,
            "tasks/update",
            task_id,
            command_id,
            partial(self._update, fields),
            detail=dump_json({"changed": sorted(fields)}),
        )

    async def _update(
        self, fields: Mapping[str, object], command: Command, name: str, params: dict[str, Any]
    ) -> Record | None:
        rows = await self._graph.read("tasks/get", task_id=params["task_id"])
        if not rows or not rows[0]["task"]:
            return None
        task, charged, changes = changed(rows[0], fields)
        currency = changes.get("estimate_currency")
        if currency is not None:
            (found,) = await self._graph.read("budgets/get", key="")
            refuse_currencies([currency], found["currency"])
        before = rows[0]["task"]
        if any(before[lane] != changes[lane] for lane in changes.keys() & LANES):
            await self._graph.transaction(add_lanes, [task], charged)
        params |= {
            "was": before["lane"],
            "changes": changes,
            "currency": currency,
            "rank": task.priority.rank if "priority" in fields else None,
            "skills": task.skill_keys if "requirements" in fields else None,
        }
        return await self._applied(command, name, params)

    async def add_dependency(self, task_id: str, depends_on: str, command_id: str) -> Task:
        """Let a pending task wait for another one."""
        owing: list[str] = []
        try:
            record, owing = await self._graph.transaction(
                _add_dependency, task_id, depends_on, command_id
            )
        except AlreadyAppliedError:
            record = None
        await self._follow_up(owing)
        if record is None:
            asked = {"depends_on": depends_on}
            record = await self._explain(Command.ADD_DEPENDENCY, task_id, command_id, asked)
        if record is None:
            raise TaskNotFoundError(task_id)
        return Task.from_record(record)

    async def _follow_up(self, task_ids: Sequence[str]) -> None:
        """Cancel what is to be cancelled with tasks that failed or were cancelled.

        The command itself is done: where this fails, whoever looks next goes on with it.
        """
        try:
            await self._due.cancel_dependents(task_ids)
        except StoreError as error:
            logger.warning("the dependents of %s are cancelled later: %s", task_ids, error)

    async def _release_dependents(self, task_id: str) -> None:
        """Release the dependents of a completed task that has many; see `_follow_up`."""
        try:
            await self._due.release_dependents(task_id)
        except StoreError as error:
            logger.warning("the dependents of %s are released later: %s", task_id, error)

    async def _explain(
        self, command: Command, task_id: str, command_id: str, params: Mapping[str, Any]
    ) -> Record | None:
        """Raise why a command was refused; the task where it was applied before; else None."""
        (row,) = await self._graph.read(
            "tasks/inspect",
            task_id=task_id,
            agent_id=params.get("agent_id"),
            command_id=command_id,
        )
        if row["event"] is None:
            refuse(command, task_id, params, row)
            return None
        refuse_conflict(command, task_id, {**params, "command_id": command_id}, row["event"])
        # Whoever sent it before may have died before it did what follows from the command.
        self._graph.work.tell()
        if row["task"]["status"] in BROKEN:
            await self._follow_up([task_id])
        elif row["task"]["status"] == TaskStatus.COMPLETED:
            await self._release_dependents(task_id)
        return row


async def _add_dependency(
    tx: AsyncTransaction, task_id: str, depends_on: str, command_id: str
) -> tuple[Record | None, list[str]]:
    locked = await tx.run(
        "tasks/lock_dependency", task_ids=sorted({task_id, depends_on}), command_id=command_id
    )
    found = {row["task_id"]: row for row in locked}
    if task_id not in found:
        raise TaskNotFoundError(task_id)
    if depends_on not in found:
        raise DependencyNotFoundError([depends_on])
    if task_id == depends_on:
        raise DependencyCycleError([task_id, task_id])
    paths = await tx.run("tasks/find_cycle", from_id=depends_on, to_id=task_id)
    if paths:
        raise DependencyCycleError([task_id, *paths[0]["path"]])
    rows = await tx.run(
        "tasks/add_dependency",
        task_id=task_id,
        depends_on=depends_on,
        detail=dump_json({"depends_on": depends_on}),
        command_id=command_id,
    )
    broken = found[depends_on]["status"] in BROKEN
    owing: list[str] = []
    if rows and broken and found[task_id]["on_dependency_failure"] == DependencyFailure.CANCEL:
        owing = await cancel_doomed(tx, [task_id], command_id)
        rows = await tx.run("tasks/get", task_id=task_id)
    return rows[0] if rows else None, owing


def _outcome_weight(row: Mapping[str, Any]) -> int:
    """How many rows a completion counts as in a transaction, see `batching.weight`."""
    return weight(1, len(row["result"] or "") + len(row["metrics"] or ""))
