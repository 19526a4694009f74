"""The task queue: durable tasks with priorities, dependencies, retries and an audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Unpack

from pydantic import JsonValue

from graph_orch._sync.claims import Claims
from graph_orch._sync.creation import Creation
from graph_orch._sync.graph import Graph
from graph_orch._sync.querying import Querying, all_records
from graph_orch.domain.checks import (
    LEASE,
    LIMIT,
    LIST,
    NAME,
    NAMES,
    SLOTS,
    STATUS,
    TASK_ID,
    TASK_IDS,
)
from graph_orch.domain.lifecycle import TaskPriority, TaskStatus
from graph_orch.domain.models import (
    ConcurrencyLimit,
    NewTask,
    QueueStatistics,
    RetryPolicy,
    Task,
    TaskEvent,
    TaskFilters,
    TaskOptions,
    TaskPage,
    TaskTry,
)
from graph_orch.domain.values import MAX_BATCH, MAX_BATCH_BYTES, load_json
from graph_orch.errors import AgentNotFoundError, ValidationError

LOOKS = 10
"""How many batches of tasks that are due a poll looks at before it answers."""


class TaskQueue(Claims):
    """Tasks in a graph: created, found and counted here, moved by the commands and by claims.

    Every command may carry a `command_id` of the caller's: asked again with the same one, it
    changes nothing and answers the same. Without it one is made for the call.
    """

    def __init__(
        self,
        graph: Graph,
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
        super().__init__(graph, LIMIT.of("claim_spread", claim_spread))
        self._creation = Creation(graph, retry_policy or RetryPolicy(), clock)
        self._querying = Querying(graph)

    def create_task(
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
        return (self._created([NewTask.parsed("create_task", fields)]))[0]

    def create_tasks(self, tasks: Iterable[NewTask]) -> list[str]:
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
        return self._created(batch)

    def get_task_status(self, task_id: str) -> Task | None:
        """The task as it is now; None where there is none of this id."""
        rows = self._graph.read("tasks/get", task_id=TASK_ID.of("task_id", task_id))
        return Task.from_record(rows[0]) if rows and rows[0]["task"] else None

    def get_tasks(self, task_ids: Sequence[str]) -> list[Task]:
        """These tasks as they are now, those that exist, in the order given."""
        ids = TASK_IDS.of("task_ids", task_ids)
        (row,) = self._graph.read("tasks/get_many", task_ids=ids)
        return [Task.from_record(record) for record in all_records(self._graph, row)]

    def get_dependency_results(self, task_id: str) -> dict[str, JsonValue]:
        """What the dependencies of a task gave, by their ids; None where one gave nothing."""
        rows = self._graph.read("tasks/results", task_id=TASK_ID.of("task_id", task_id))
        return {row["task_id"]: load_json(row["result"]) for row in rows}

    def poll_tasks(
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
            return list(self._querying.page(TaskFilters.of(filters), limit, None))
        row = self._poll(agent, types, limit)
        if row["due"]:
            self.wake(LOOKS)
            row = self._poll(agent, types, limit)
        return [Task.from_record(record) for record in all_records(self._graph, row)]

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

    def index_content(self) -> int:
        """Bring the full-text index up to date; how many tasks were put into it.

        `query_tasks` with `text` does so by itself, first: where there are many new tasks that
        takes its time, about 0.1 s for every thousand.
        """
        return self._querying.index_content()

    def get_history(self, task_id: str) -> list[TaskEvent]:
        """Everything that happened to a task, oldest first; [] where there is none of this id."""
        rows = self._graph.read("tasks/history", task_id=TASK_ID.of("task_id", task_id))
        return [TaskEvent.from_record(row) for row in rows if row["event"]]

    def get_tries(self, task_id: str) -> list[TaskTry]:
        """Every try of a task, the first first: whose it was, when, how it ended, how long it took.

        [] where there is none of this id, or it was not tried yet.
        """
        rows = self._graph.read("tasks/tries", task_id=TASK_ID.of("task_id", task_id))
        return [TaskTry.from_record(row["try"]) for row in rows]

    def get_queue_statistics(self) -> QueueStatistics:
        """The queue in numbers, without reading its history."""
        (row,) = self._graph.read("tasks/statistics")
        if row["due"]:
            self.wake(LOOKS)
            (row,) = self._graph.read("tasks/statistics")
        return QueueStatistics.from_record(row)

    def set_concurrency_limit(self, key: str, limit: int) -> ConcurrencyLimit:
        """Say how many tasks with a concurrency key may be held at once, by all agents together."""
        rows = self._graph.write(
            "tasks/set_limit", key=NAME.of("key", key), max=SLOTS.of("limit", limit)
        )
        self._graph.work.tell()
        return ConcurrencyLimit(**rows[0])

    def set_aging(self, aging_seconds: float | None) -> None:
        """Say how long a task must wait to come before newer ones of the next higher priority.

        Whoever waits rises: after `2 * aging_seconds` a low task comes before any high one that is
        created then. None: strictly by priority. It counts for tasks created from now on.
        """
        seconds = LEASE.of("aging_seconds", aging_seconds)
        self._graph.write("tasks/set_aging", seconds=seconds)

    def _created(self, tasks: list[NewTask]) -> list[str]:
        ids = self._creation.create(tasks)
        self._graph.work.tell()
        return ids

    def _poll(
        self, agent_id: str | None, task_types: list[str] | None, limit: int
    ) -> Mapping[str, Any]:
        what = {"task_types": task_types, "limit": limit}
        if agent_id is None:
            return (self._graph.read("tasks/poll_all", **what))[0]
        rows = self._graph.read("tasks/poll_agent", agent_id=agent_id, **what)
        if not rows:
            raise AgentNotFoundError(agent_id)
        self._close_lanes(agent_id, rows[0]["lanes_seen"])
        return rows[0]
