"""What handlers of tasks ask of the store: steps that are kept, tries that are suspended, and tasks
that are created with the end of a try.

Nothing here is public: the task queue and workers use it, with arguments that were checked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import JsonValue

from graph_orch._sync.commands import Commands, Record
from graph_orch._sync.creation import (
    Creation,
    cancel_doomed,
    insert,
    insertion,
    refuse_names_alone,
)
from graph_orch._sync.due import Due
from graph_orch._sync.graph import AlreadyAppliedError, Graph, Transaction
from graph_orch._sync.querying import all_records
from graph_orch.domain.durable import Kept, Step, Waits
from graph_orch.domain.forms import dump_json, load_json
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import Command, TaskStatus, allowed_from
from graph_orch.domain.models import Gate, NewTask, RetryPolicy, Task
from graph_orch.errors import (
    BudgetExhaustedError,
    DependencyCycleError,
    InvalidTransitionError,
    StaleAttemptError,
    TaskNotFoundError,
)
from graph_orch.store.batching import Combiner, weight

PAGE = 1_000
"""How many steps are read at once."""
TRIES = 5
"""How often the end of a try starts again, each time because a task was created by another."""


class Handling:
    """Keeps what handlers have done, in one graph."""

    def __init__(self, graph: Graph, commands: Commands) -> None:
        self._graph = graph
        self._commands = commands
        self._creation = Creation(graph, RetryPolicy())
        self._due = Due(graph)
        self._keeping = Combiner[dict[str, Any], bool](
            self._keep_all,
            weigh=lambda row: weight(1, len(row["result"] or "")),
            check=graph.check_usable,
        )

    def kept(self, task_id: str) -> Kept:
        """What was kept of a task's handler.

        Raises:
            TaskNotFoundError: there is no such task.
        """
        steps: dict[str, Step] = {}
        after, is_left, restarts = "", True, 0
        while is_left:
            rows = self._graph.read("tasks/steps", task_id=task_id, after=after, limit=PAGE)
            if not rows:
                raise TaskNotFoundError(task_id)
            page = [Step.from_record(it) for it in rows[0]["steps"]]
            steps |= {step.key: step for step in page}
            is_left, restarts = rows[0]["left"], rows[0]["restarts"]
            after = page[-1].key if page else after
        return Kept(steps, restarts)

    def keep(self, row: dict[str, Any]) -> bool:
        """Keep a step; False where its try is over, so that nothing was kept.

        Args:
            row: See `tasks/keep_steps`.
        """
        return self._keeping.submit(row)

    def _keep_all(self, rows: Sequence[dict[str, Any]]) -> list[bool | Exception]:
        order = sorted(range(len(rows)), key=lambda place: rows[place]["task_id"])
        kept = self._graph.write("tasks/keep_steps", rows=[rows[place] for place in order])
        numbers: set[int] = {order[row["number"]] for row in kept}
        return [place in numbers for place in range(len(rows))]

    def asked(self, task_id: str) -> dict[str, Gate]:
        """The gates at which a task's handler asked, by the key of the place in the handler."""
        rows = self._graph.read("tasks/asked", task_id=task_id)
        return {row["key"]: Gate.from_record(row) for row in rows}

    def inputs(self, task_id: str) -> dict[str, JsonValue]:
        """What a task's dependencies gave, by their names; by id where one has none of its own."""
        found: dict[str, JsonValue] = {}
        for row in self._graph.read("tasks/results", task_id=task_id):
            name = row["name"] or row["task_id"]
            found[row["task_id"] if name in found else name] = load_json(row["result"])
        return found

    def ended(self, task_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """How tasks stand: by id `status`, `result` as JSON text, and `error`.

        Raises:
            TaskNotFoundError: one does not exist.
        """
        found: dict[str, Mapping[str, Any]] = {}
        left = list(task_ids)
        while left:
            rows = self._graph.read("tasks/ended", task_ids=left)
            found |= {row["task_id"]: row for row in rows}
            known = rows[-1]["number"] + 1 if rows else len(left)
            if missing := [it for it in left[:known] if it not in found]:
                raise TaskNotFoundError(missing[0])
            left = left[known:]
        return found

    def settle(self, tasks: Sequence[NewTask]) -> dict[str, str]:
        """Find out whether tasks can be created; the ids under which they are, or will be.

        Raises:
            DependencyNotFoundError, WorkflowCancelledError, …: see `create_tasks`.
        """
        refuse_names_alone(tasks)
        ids = {task.task_id: task.task_id for task in tasks}
        self._creation.settle(tasks, ids)
        return ids

    def reserve(self, task_id: str, attempt: int, amounts: Sequence[int]) -> None:
        """Reserve more for a try, in each budget that pays for it.

        Args:
            amounts: Tokens, billionths of the currency, milliseconds and tries.

        Raises:
            BudgetExhaustedError: one has not enough left.
            StaleAttemptError: the try is over.
        """
        rows = self._graph.write(
            "tasks/reserve_more",
            task_id=task_id,
            attempt=attempt,
            amounts=list(amounts),
            command_id=new_hex(),
        )
        if not rows:
            raise StaleAttemptError("reserve", task_id, attempt, attempt)
        if rows[0]["short"]:
            raise BudgetExhaustedError(rows[0]["short"], task_id)

    def pay_late(self, task_id: str, attempt: int, used: Sequence[int]) -> None:
        """Let budgets pay for what a try has used that ended before that was told.

        Args:
            used: Tokens, and billionths of the currency, that it used in all.
        """
        self._graph.write(
            "tasks/pay_late",
            task_id=task_id,
            attempt=attempt,
            used=list(used),
            command_id=new_hex(),
        )

    def suspend(
        self,
        task_id: str,
        attempt: int | None,
        waits: Waits,
        command_id: str | None,
        used: Sequence[int] | None = None,
    ) -> Task:
        """Give a held task back until what it waits for has come to pass.

        Raises:
            TaskNotFoundError: it does not exist.
            DependencyCycleError: it is to wait for a task that waits for it.
            TaskError: see `TaskQueue.suspend_task`, and `create_tasks` for the tasks it leaves.
        """
        return self._commands.run(
            Command.SUSPEND,
            "tasks/suspend",
            task_id,
            command_id,
            apply=partial(self._end, waits) if waits.tasks or waits.awaits else None,
            attempt=attempt,
            seconds=waits.seconds,
            awaits=sorted({*waits.awaits}),
            gates=waits.gates,
            steps=waits.steps,
            detail=dump_json(waits.described()),
            used=used,
        )

    def complete(self, row: Mapping[str, Any], waits: Waits) -> Task:
        """Complete a task, and create those that its handler leaves, or neither.

        Args:
            row: See `tasks/complete`.

        Raises:
            TaskError: as for `suspend`.
        """
        given = {
            name: value for name, value in row.items() if name not in ("task_id", "command_id")
        }
        return self._commands.run(
            Command.COMPLETE,
            "tasks/complete",
            row["task_id"],
            row["command_id"],
            apply=partial(self._end, waits),
            **given,
        )

    def _end(
        self, waits: Waits, command: Command, name: str, params: dict[str, Any]
    ) -> Record | None:
        """Apply a command that ends a try, with the tasks that its handler leaves or awaits."""
        key = params["task_id"]
        sent = params
        if command is Command.COMPLETE:
            sent = {"rows": [params], "brief": False, "command_id": new_hex()}
        for _ in range(TRIES):
            ids = {task.task_id: task.task_id for task in waits.tasks}
            fresh = self._creation.settle(waits.tasks, ids) if waits.tasks else []
            try:
                ended = self._graph.transaction(
                    _end, name, params, sent, waits, fresh, ids, self._creation.charged
                )
            except AlreadyAppliedError:  # another has just created one of them
                continue
            if ended is None:
                return None
            record, owing = ended
            self._due.cancel_dependents(owing)
            if command is Command.COMPLETE:
                if record["owing"]:
                    self._due.release_dependents(key)
                (record,) = all_records(self._graph, record)
            return record
        return None


def _end(
    tx: Transaction,
    name: str,
    params: Mapping[str, Any],
    sent: Mapping[str, Any],
    waits: Waits,
    fresh: Sequence[NewTask],
    ids: Mapping[str, str],
    charged: Collection[str],
) -> tuple[Record, list[str]] | None:
    """Create tasks, join them to the one whose handler leaves them, and end its try.

    Returns:
        What the statement `name` answered, and which tasks have dependents to be cancelled; None
        where the try is over.
    """
    task_id, command_id = params["task_id"], new_hex()
    owing: list[str] = []
    if waits.before:
        locked = tx.run(
            "tasks/lock_dependency", task_ids=sorted(waits.before), command_id=command_id
        )
        known = {row["task_id"] for row in locked} | {task.task_id for task in waits.tasks}
        if missing := sorted(waits.before.keys() - known):
            raise TaskNotFoundError(missing[0])
    if not tx.run(
        "tasks/lock_spawning", task_id=task_id, attempt=params["attempt"], command_id=command_id
    ):
        return None
    if fresh:
        inserted, owing = insert(tx, insertion(fresh, RetryPolicy(), charged) | {"now": None})
        if not inserted:
            raise AlreadyAppliedError("create: something that it needs is gone; look again")
    if waits.tasks:
        owing += _join(tx, task_id, waits, ids, command_id)
    if waits.awaits:
        rows = tx.run(
            "tasks/waits_for_it", task_id=task_id, task_ids=waits.awaits, command_id=command_id
        )
        if rows or task_id in waits.awaits:
            awaited = rows[0]["task_id"] if rows else task_id
            raise DependencyCycleError([task_id, awaited, task_id] if rows else [task_id, task_id])
    rows = tx.run(name, **sent)
    if not rows or ("task_ids" in rows[0] and not rows[0]["task_ids"]):
        return None
    return rows[0], owing


def _join(
    tx: Transaction, task_id: str, waits: Waits, ids: Mapping[str, str], command_id: str
) -> list[str]:
    """Join tasks to the one whose handler leaves them, and to those that are to wait for them."""
    own = {task.task_id for task in waits.tasks}
    outside = {it for task in waits.tasks for it in task.dependencies} - own
    for waiting in waits.before:
        for dependency in outside:
            found = tx.run("tasks/find_cycle", from_id=dependency, to_id=waiting)
            if found or dependency == waiting:
                raise DependencyCycleError(
                    [waiting, *(found[0]["path"] if found else [dependency])]
                )
    (row,) = tx.run(
        "tasks/join_spawned",
        task_id=task_id,
        task_ids=sorted(ids.values()),
        before=[
            {
                "task_id": waiting,
                "depends_on": [*dict.fromkeys(ids[it] for it in tasks)],
                "detail": dump_json({"spawned_by": task_id}),
            }
            for waiting, tasks in sorted(waits.before.items())
        ],
        command_id=command_id,
    )
    for refused in row["refused"]:
        (found,) = tx.run("tasks/get", task_id=refused)
        raise InvalidTransitionError(
            Command.ADD_DEPENDENCY,
            refused,
            TaskStatus(found["task"]["status"]),
            allowed_from(Command.ADD_DEPENDENCY),
        )
    return cancel_doomed(tx, row["doomed"], command_id) if row["doomed"] else []
