"""Workflows: tasks that are started, watched, cancelled and retried as one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from pydantic import JsonValue

from graph_orch._sync.budgets import put, refuse_currency
from graph_orch._sync.bulk import Bulk
from graph_orch._sync.creation import Creation, add_lanes, insert, insertion, refuse_cycles
from graph_orch._sync.due import Due
from graph_orch._sync.graph import AlreadyAppliedError, Graph, Transaction
from graph_orch._sync.insights import Insights, Facts, seconds_of
from graph_orch._sync.querying import END, place, read_place
from graph_orch.domain.dag import run_order
from graph_orch.domain.durations import DurationKind, Durations
from graph_orch.domain.fields import (
    CONTENT,
    JSON,
    LEASE,
    LIMIT,
    LIST,
    MAX_BATCH,
    NAME,
    NEW_NAME,
    WAIT,
    Check,
)
from graph_orch.domain.forms import dump_json, load_json
from graph_orch.domain.ids import new_hex, new_uuid
from graph_orch.domain.lifecycle import LIVE, TaskStatus
from graph_orch.domain.models import NewTask, RetryPolicy, TaskFilters, WaitKind, WaitReason
from graph_orch.domain.models.budgets import Budget, BudgetState
from graph_orch.domain.models.gates import GateKind
from graph_orch.domain.models.workflows import (
    STARTER,
    RunningTask,
    Workflow,
    WorkflowPage,
    WorkflowState,
    WorkflowStatus,
)
from graph_orch.domain.scheduling import (
    AgentSlots,
    ListScheduling,
    served_by,
    ways_to_the_end,
)
from graph_orch.errors import (
    DependencyCycleError,
    StoreError,
    TaskConflictError,
    ValidationError,
    WorkflowConflictError,
    WorkflowNotFoundError,
)
from graph_orch.store.runtime import sleep

STATE: Check[WorkflowState] = Check(WorkflowState)
AT_ONCE = 5_000
"""How many tasks of a workflow that is too large for one transaction are written in each."""
DISCARDED_AT_ONCE = 1_000
LOOKED_AT = 10_000
"""How many tasks that have not ended are looked at to say when a workflow may be done."""
AGENTS_LOOKED_AT = 1_000
SHOWN = 100
"""How many running tasks a status tells."""
EXPLAINED = 10
"""Of how many waiting tasks a status says why they wait."""


class _IncompleteError(Exception):
    """Something that the tasks of a workflow need is missing."""


class Workflows:
    """Workflows in a graph."""

    def __init__(self, graph: Graph, *, retry_policy: RetryPolicy | None = None) -> None:
        """Workflows in a graph.

        Args:
            retry_policy: For the tasks that are created here without one of their own.
        """
        self._graph = graph
        self._policy = retry_policy or RetryPolicy()
        self._creation = Creation(graph, self._policy)
        self._bulk = Bulk(graph)
        self._due = Due(graph)
        self._insights = Insights(graph)

    def start(
        self,
        name: str,
        tasks: Iterable[NewTask | Mapping[str, Any]],
        *,
        workflow_id: str | None = None,
        budget: Budget | Mapping[str, object] | None = None,
        close_in_seconds: float | None = None,
        metadata: JsonValue = None,
    ) -> Workflow:
        """Start a workflow: create it with all of its tasks, or nothing.

        Up to 10,000 tasks are written in one transaction. Of more than that, nobody is given one
        before all are written; where that is broken off, the next start with the same id begins
        again. A start with the id of a workflow that was started with the same tasks answers with
        what there is.

        Args:
            tasks: Their dependencies may be ids, or names of tasks of this workflow.
            workflow_id: An id of your own, so that starting again is safe; a new one by default.
            budget: What its tasks may use in all, see `budgets.set`.
            close_in_seconds: Tasks fail that are not done so long after the start.
            metadata: Any JSON value, at most 1 MB.

        Raises:
            ValidationError: an argument is not acceptable, or two tasks have one name.
            WorkflowConflictError: the workflow_id exists, with another name or other tasks; or
                another process is writing it.
            TaskConflictError: a task_id or an idempotency_key exists.
            DependencyNotFoundError: a dependency is neither in the graph nor in the workflow.
            DependencyCycleError: the tasks wait for each other in a circle.
        """
        key = new_uuid() if workflow_id is None else NEW_NAME.of("workflow_id", workflow_id)
        batch = tasks_of(LIST.of("tasks", tasks), key)
        workflow: dict[str, Any] = {
            "workflow_id": key,
            "name": NEW_NAME.of("name", name),
            "close_in_seconds": LEASE.of("close_in_seconds", close_in_seconds),
            "metadata": None if metadata is None else dump_json(JSON.of("metadata", metadata)),
        }
        workflow["fingerprint"] = _fingerprint(workflow["name"], batch)
        if budget is not None:
            workflow["budget"] = Budget.parsed("budget", budget)
        found = self._existing(workflow)
        if found is None:
            write = self._write_at_once if len(batch) <= MAX_BATCH else self._write_in_parts
            try:
                write(workflow, batch)
            except AlreadyAppliedError:
                found = self._existing(workflow)
                if found is None:  # so it is one of the tasks that exists
                    self._refuse_existing(batch)
            self._graph.work.tell()
        return found or self.get_workflow(key)

    def _existing(self, workflow: Mapping[str, Any]) -> Workflow | None:
        """The workflow of this id where it is there as a whole; what was broken off is removed."""
        rows = self._graph.read("workflows/get", workflow_id=workflow["workflow_id"])
        if not rows:
            return None
        node = rows[0]["workflow"]
        if node["fingerprint"] != workflow["fingerprint"]:
            raise WorkflowConflictError(workflow["workflow_id"])
        if node.get("writer") is None:
            return Workflow.from_record(rows[0])
        if not rows[0]["abandoned"]:
            raise WorkflowConflictError(workflow["workflow_id"])
        self._discard(workflow["workflow_id"])
        return None

    def _refuse_existing(self, batch: Sequence[NewTask]) -> None:
        found = self._graph.read(
            "tasks/find_created",
            task_ids=[task.task_id for task in batch],
            idempotency_keys=[task.idempotency_key for task in batch if task.idempotency_key],
            dependency_ids=[],
            lanes=[],
            gate_ids=[],
            workflow_ids=[],
        )
        for task_id, _, _ in found[0]["existing"]:
            raise TaskConflictError(task_id)

    def _write_at_once(self, workflow: dict[str, Any], batch: Sequence[NewTask]) -> None:
        refuse_cycles(batch)
        try:
            owing = self._graph.transaction(_start, workflow, batch, self._policy)
        except _IncompleteError:
            outside = [task.model_copy(update={"workflow_id": None}) for task in batch]
            self._creation.settle(outside, {})  # says what is missing
            raise StoreError("start: what the tasks need changed meanwhile; try again") from None
        self._due.cancel_dependents(owing)
        self._creation.warn_of_unknown_skills(batch)

    def _write_in_parts(self, workflow: dict[str, Any], batch: Sequence[NewTask]) -> None:
        """Write a large workflow. Its first tasks wait at a gate until all are written."""
        key, writer, gate_id = workflow["workflow_id"], new_hex(), new_uuid()
        by_id = {task.task_id: task for task in batch}
        inner = {task.task_id: by_id.keys() & task.dependencies for task in batch}
        order = run_order(inner)  # raises where they wait for each other in a circle
        self._graph.transaction(
            _prepare, {**workflow, "writer": writer, "gate_id": gate_id}, gate_id
        )
        for start in range(0, len(order), AT_ONCE):
            if not self._graph.write("workflows/beat", workflow_id=key, writer=writer):
                raise WorkflowConflictError(key)
            part = [by_id[task_id] for task_id in order[start : start + AT_ONCE]]
            self._creation.create(
                [
                    task.model_copy(
                        update={} if inner[task.task_id] else {"gates": (*task.gates, gate_id)}
                    )
                    for task in part
                ]
            )
        if not self._graph.write(
            "workflows/open", workflow_id=key, writer=writer, gate_id=gate_id, by=STARTER
        ):
            raise WorkflowConflictError(key)
        self._due.release_gate(gate_id)

    def _discard(self, workflow_id: str) -> None:
        """Remove what was written of a workflow whose start was broken off."""
        left = True
        while left:
            rows = self._graph.write(
                "workflows/discard", workflow_id=workflow_id, limit=DISCARDED_AT_ONCE
            )
            left = bool(rows) and rows[0]["number"] == DISCARDED_AT_ONCE

    def get(self, workflow_id: str) -> Workflow | None:
        """The workflow of this id; None where there is none."""
        key = NAME.of("workflow_id", workflow_id)
        rows = self._graph.read("workflows/get", workflow_id=key)
        return Workflow.from_record(rows[0]) if rows else None

    def get_workflow(self, workflow_id: str) -> Workflow:
        """The workflow of this id.

        Raises:
            WorkflowNotFoundError: there is none.
        """
        found = self.get(workflow_id)
        if found is None:
            raise WorkflowNotFoundError(workflow_id)
        return found

    def status(self, workflow_id: str) -> WorkflowStatus:
        """What a workflow is doing: what runs, why the rest waits, and when it may be done.

        `eta_seconds` is when the agents that there are can be done with what is left, if they do
        nothing else, nothing fails, and gates are opened now: a list schedule by their skills and
        slots, and by the durations that are expected (see `DurationKind`). Of more than 10,000
        tasks it looks at 10,000.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
        """
        found = self.get_workflow(workflow_id)
        fields = {name: getattr(found, name) for name in Workflow.model_fields}
        budget = self._budget(found.workflow_id)
        fields["spent"] = None if budget is None else budget.spent
        left = sum(found.counts[status] for status in LIVE)
        if found.state is WorkflowState.CANCELLED or not left:
            return WorkflowStatus(**fields, running=[], waiting=[])
        rows = self._graph.read(
            "workflows/left", workflow_id=found.workflow_id, limit=LOOKED_AT
        )
        running = [it for it in rows if it["status"] != TaskStatus.PENDING]
        held = [row["task_id"] for row in rows if row["holds"]]
        waiting = self._why(held[:EXPLAINED])
        kinds = {reason.kind for reason in waiting}
        is_spent = WaitKind.BUDGET in kinds and WaitKind.READY not in kinds
        if is_spent and not running and not found.state.is_ended:
            fields["state"] = WorkflowState.WAITING
        return WorkflowStatus(
            **fields,
            running=[RunningTask.from_record(row) for row in running[:SHOWN]],
            waiting=waiting,
            eta_seconds=None
            if found.state.is_ended
            else self._eta(rows, left / max(1, len(rows))),
        )

    def _budget(self, workflow_id: str) -> BudgetState | None:
        (row,) = self._graph.read("budgets/get", key=f"workflow:{workflow_id}")
        return None if row["budget"] is None else BudgetState.from_record(row)

    def _why(self, task_ids: Sequence[str]) -> list[WaitReason[str]]:
        """Why these tasks wait, each reason once."""
        reasons: dict[str, WaitReason[str]] = {}
        for task_id in task_ids:
            for reason in (self._insights.why_blocked(task_id, EXPLAINED)).reasons:
                reasons.setdefault(reason.sentence, reason)
        return list(reasons.values())

    def _eta(self, rows: Sequence[Mapping[str, Any]], scale: float) -> float | None:
        """In how many seconds what is left may be done.

        Args:
            scale: Of what is left, how many times as much as these rows.
        """
        if not rows:
            return None
        facts = {row["task_id"]: Facts.from_row(row) for row in rows}
        seconds = seconds_of(self._graph, facts, Durations.of(DurationKind.ESTIMATED))
        for row in rows:
            if row["ran_seconds"] is not None:  # what is late already is late as long again
                seconds[row["task_id"]] = abs(seconds[row["task_id"]] - row["ran_seconds"])
        lanes = {
            row["task_id"]: (frozenset[str](row["skills"]), frozenset[str](row["excluded_agents"]))
            for row in rows
        }
        agents = self._graph.read("workflows/agents", limit=AGENTS_LOOKED_AT)
        crew = [
            AgentSlots(row["agent_id"], frozenset(row["skills"]), row["slots"]) for row in agents
        ]
        inner = {key: sorted(facts.keys() & one.dependencies) for key, one in facts.items()}
        try:
            inner = {key: inner[key] for key in run_order(inner)}
        except DependencyCycleError:
            return None
        ways = ways_to_the_end(inner, seconds)
        plan = ListScheduling(
            crew, lanes, served_by(crew, set(lanes.values())), inner, seconds, ways
        ).schedule()
        # Where nobody can do some of it, the longest chain is all that can be said.
        return max(scale * max((it.end for it in plan), default=0.0), *ways.values())

    def cancel(self, workflow_id: str, reason: str | None = None) -> Workflow:
        """Cancel a workflow. From then on nobody is given its tasks, and none is added to it.

        Its tasks are cancelled in steps of 500; where this process dies, the queue goes on with it.
        Cancelling it again changes nothing.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
        """
        params = cancelling(workflow_id, reason)
        key = params["workflow_id"]
        if not self._graph.write("workflows/cancel", **params):
            raise WorkflowNotFoundError(key)
        self._due.cancel_workflow(key)
        self._graph.work.tell()
        return self.get_workflow(key)

    def retry(self, workflow_id: str, *, from_start: bool = False) -> Workflow:
        """Let the failed and cancelled tasks of a workflow begin again, and a cancelled one go on.

        Where it has a deadline, that begins anew.

        Args:
            from_start: Forget the steps of these tasks too, so that their handlers take each again.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
        """
        key = NAME.of("workflow_id", workflow_id)
        while True:
            rows = self._graph.write(
                "workflows/reopen", workflow_id=key, command_id=new_hex()
            )
            if not rows:
                raise WorkflowNotFoundError(key)
            if not rows[0]["cancelling"]:
                break
            self._due.cancel_workflow(key)
        self._bulk.retry(TaskFilters(workflow_id=key), from_start=bool(from_start))
        return self.get_workflow(key)

    def wait(self, workflow_id: str, seconds: float) -> WorkflowStatus:
        """The status of a workflow once it has ended, or as it is when the time is up.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
        """
        deadline = time.monotonic() + WAIT.of("seconds", seconds)
        while True:
            told, began = self._graph.work.seen, time.monotonic()
            found = self.get_workflow(workflow_id)
            left = deadline - time.monotonic()
            if found.state.is_ended or left <= 0:
                return self.status(workflow_id)
            # A large workflow takes long to look at: that is never what the store does most.
            sleep(min(left, 3 * (time.monotonic() - began)))
            self._graph.wait(told, left)

    def results(self, workflow_id: str) -> dict[str, JsonValue]:
        """What the completed tasks of a workflow gave, by their names; by id where one has none.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
        """
        found = self.get_workflow(workflow_id)
        rows = self._graph.read("workflows/results", workflow_id=found.workflow_id)
        return {row["name"] or row["task_id"]: load_json(row["result"]) for row in rows}

    def list(
        self, state: WorkflowState | str | None = None, limit: int = 50, after: str | None = None
    ) -> WorkflowPage:
        """Workflows, newest first.

        Args:
            state: Only those that are in this state.
            after: The `next_cursor` of the page before.

        Raises:
            ValidationError: an argument is not acceptable.
        """
        wanted = None if state is None else STATE.of("state", state)
        limit = LIMIT.of("limit", limit)
        at, key = (END, "") if after is None else read_place("workflows.list", after)
        found: list[Workflow] = []
        while True:
            rows = self._graph.read(
                "workflows/list", before=at, before_id=key, limit=limit + 1
            )
            page = [Workflow.from_record(row) for row in rows]
            for each in page[:limit]:
                at, key = each.created_at, each.workflow_id
                if wanted in (None, each.state):
                    found.append(each)
                if len(found) == limit:
                    more = each is not page[-1]
                    return WorkflowPage(found, place(at, key) if more else None)
            if len(page) <= limit:
                return WorkflowPage(found)


def _create(tx: Transaction, workflow: Mapping[str, Any]) -> None:
    """Create a workflow, with its budget if it has one."""
    node = {name: value for name, value in workflow.items() if name != "budget"}
    tx.run("workflows/create", workflow=node, close_in_seconds=node["close_in_seconds"])
    if "budget" in workflow:
        id_ = workflow["workflow_id"]
        budget = workflow["budget"]
        (row,) = tx.run(
            "budgets/put", kind="workflow", id=id_, **put(f"workflow:{id_}", budget)
        )
        refuse_currency(budget, row)


def _start(
    tx: Transaction, workflow: dict[str, Any], batch: Sequence[NewTask], policy: RetryPolicy
) -> Sequence[str]:
    """Create a workflow with its tasks; the cancelled ones of them that have dependents.

    Raises:
        _IncompleteError: a dependency or a gate is missing, so that nothing may be kept.
    """
    _create(tx, workflow)
    if not batch:
        return []
    charged = [workflow["workflow_id"]] if "budget" in workflow else []
    params = insertion(batch, policy, charged) | {"now": None}
    inserted, owing = insert(tx, params)
    if not inserted:
        add_lanes(tx, batch, charged)
        inserted, owing = insert(tx, params)
    if not inserted:
        raise _IncompleteError
    return owing


def _prepare(tx: Transaction, workflow: dict[str, Any], gate_id: str) -> None:
    _create(tx, workflow)
    gate = {
        "gate_id": gate_id,
        "kind": GateKind.EVENT.value,
        "question": f"Are all tasks of workflow {workflow['workflow_id']} written?",
        "approvers": [STARTER],
    }
    tx.run(
        "gates/create",
        gate=gate,
        expires_seconds=None,
        task_ids=[],
        detail="{}",
        command_id=new_hex(),
    )


def tasks_of(
    given: Sequence[object], workflow_id: str | None, what: str = "start"
) -> list[NewTask]:
    """Tasks as they are created, all in a workflow: names among dependencies become ids.

    Raises:
        ValidationError: one is not acceptable, or two have one name; the message names `what`.
    """
    tasks: list[NewTask] = []
    for one in given:
        fields = one.model_dump(exclude_unset=True) if isinstance(one, NewTask) else one
        if isinstance(fields, Mapping):
            fields = dict(cast("Mapping[str, object]", fields))
            fields["workflow_id"] = workflow_id or fields.get("workflow_id")
            if isinstance(one, NewTask):
                fields["task_id"] = one.task_id
        tasks.append(NewTask.parsed(what, fields))
    ids = {task.name: task.task_id for task in tasks if task.name is not None}
    if len(ids) < sum(task.name is not None for task in tasks):
        names = [task.name for task in tasks if task.name is not None]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValidationError(f"{what}: two tasks are called {twice!r}; a name is one task's")
    return [
        task
        if ids.keys().isdisjoint(task.named_tasks)
        else NewTask.parsed(
            what,
            task.renamed(ids).model_dump(exclude_unset=True) | {"task_id": task.task_id},
        )
        for task in tasks
    ]


def cancelling(workflow_id: str, reason: str | None) -> dict[str, Any]:
    """The parameters of `workflows/cancel`.

    Raises:
        ValidationError: an argument is not acceptable.
    """
    return {
        "workflow_id": NAME.of("workflow_id", workflow_id),
        "reason": None if reason is None else CONTENT.of("reason", reason),
        "command_id": new_hex(),
    }


def _fingerprint(name: str, tasks: Sequence[NewTask]) -> str:
    """A hash of what a start asks for, in which tasks are their places and not their ids."""
    places = {task.task_id: place for place, task in enumerate(tasks)}
    of_each: list[object] = []
    for task in tasks:
        fields = task.model_dump(
            mode="json", exclude={"task_id", "workflow_id"}, exclude_defaults=True
        )
        for named in ("dependencies", "independent_of"):
            fields[named] = [places.get(it, it) for it in getattr(task, named)]
        fields["requirements"] = sorted(task.skill_keys)
        if task.required_labels:
            fields["required_labels"] = sorted(task.required_labels)
        of_each.append(fields)
    return hashlib.sha256(dump_json([name, of_each]).encode()).hexdigest()[:32]
