"""Workflows: tasks that are started, watched, cancelled and retried as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, JsonValue

from graph_orch.domain.fields import Deadline, Json, NewName
from graph_orch.domain.forms import load_json
from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.domain.models.base import Model, Page, moment, some_moment
from graph_orch.domain.models.budgets import Budget
from graph_orch.domain.models.insights import WaitReason
from graph_orch.domain.models.tasks import NewTask

STARTER = "graph_orch"
"""Who opens the gate at which the tasks of a large workflow wait until all of them are written."""
ABANDONED_SECONDS = 60.0
"""After so long without a batch, whoever wrote a large workflow is taken for dead."""


class WorkflowState(StrEnum):
    """What a workflow is doing. It is derived from its tasks."""

    RUNNING = "running"  # a task of it is held, or ready to be taken
    WAITING = "waiting"  # tasks are left, and something holds all of them back
    COMPLETED = "completed"  # every task is completed
    FAILED = "failed"  # not all are completed, and none goes on by itself
    CANCELLED = "cancelled"

    @property
    def is_ended(self) -> bool:
        """Whether nothing more happens in it by itself."""
        return self not in (WorkflowState.RUNNING, WorkflowState.WAITING)


class Workflow(Model):
    """A workflow, and what it was doing when it was read."""

    workflow_id: str
    name: str
    state: WorkflowState
    created_at: datetime
    counts: dict[TaskStatus, int] = Field(description="How many of its tasks have each status")
    cancelled_at: datetime | None = None
    reason: str | None = Field(None, description="Why it was cancelled")
    close_by: datetime | None = Field(None, description="When tasks fail that are not done by then")
    metadata: JsonValue = None

    @property
    def total(self) -> int:
        """How many tasks it has."""
        return sum(self.counts.values())

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `workflow` (see workflows/row.fragment) and `counts`."""
        node, counts = record["workflow"], dict[str, int](record["counts"])
        cancelled_at = moment(node.get("cancelled_at"))
        return cls(
            workflow_id=node["workflow_id"],
            name=node["name"],
            state=state_of(counts, cancelled_at is not None),
            created_at=some_moment(node["created_at"]),
            counts={status: counts[status] for status in TaskStatus},
            cancelled_at=cancelled_at,
            reason=node.get("reason"),
            close_by=moment(node.get("close_by")),
            metadata=load_json(node.get("metadata")),
        )


def state_of(counts: Mapping[str, int], is_cancelled: bool) -> WorkflowState:
    """The state of a workflow, from how many of its tasks have each status, are `ready`, `hopeful`.

    See `workflows/counts` for these two.
    """
    if is_cancelled:
        return WorkflowState.CANCELLED
    if counts[TaskStatus.ASSIGNED] or counts[TaskStatus.RUNNING] or counts["ready"]:
        return WorkflowState.RUNNING
    if (counts[TaskStatus.FAILED] or counts[TaskStatus.CANCELLED]) and not counts["hopeful"]:
        return WorkflowState.FAILED
    return WorkflowState.WAITING if counts[TaskStatus.PENDING] else WorkflowState.COMPLETED


class NewWorkflow(Model):
    """A workflow to be started, as a file says it: the arguments of `workflows.start`."""

    name: NewName = Field(description="What it is called")
    tasks: tuple[NewTask, ...] = Field(
        description="Its tasks; the dependencies of each may be names of others"
    )
    workflow_id: NewName | None = Field(
        None, description="An id of your own: starting again is then safe"
    )
    budget: Budget | None = Field(None, description="What its tasks may use in all")
    close_in_seconds: Deadline | None = Field(
        None, description="Its tasks fail that are not done so long after the start"
    )
    metadata: Json = Field(None, description="Any JSON, at most 1 MB")

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON schema of a file with a workflow."""
        draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        return draft | cls.model_json_schema()


class RunningTask(Model):
    """A task that an agent holds."""

    task_id: str
    name: str | None
    task_type: str
    status: TaskStatus
    agent_id: str | None
    started_at: datetime | None = Field(description="None: it is assigned, and not begun")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row of `workflows/left`."""
        return cls(
            task_id=record["task_id"],
            name=record["name"],
            task_type=record["task_type"],
            status=TaskStatus(record["status"]),
            agent_id=record["assigned_to"],
            started_at=moment(record["started_at"]),
        )


class WorkflowStatus(Workflow):
    """A workflow with what runs in it, why the rest waits, and when it may be done."""

    running: list[RunningTask] = Field(description="The tasks that are held, 100 at most")
    waiting: list[WaitReason[str]] = Field(description="Why the tasks wait that wait for no other")
    spent: Budget | None = Field(
        None, description="What its tries have used; None: it has no budget, so nobody counts"
    )
    eta_seconds: float | None = Field(
        None,
        description="In how many seconds it may be done; None: it has ended, or nothing is known",
    )


class WorkflowPage(Page[Workflow, str | None]):
    """Some workflows, newest first, and where the next page begins (None: this was the last)."""

    def __init__(self, workflows: Sequence[Workflow], next_cursor: str | None = None) -> None:
        super().__init__(workflows, next_cursor)
