"""The answers of the tools. They are small, since agents read them; null fields are left out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from graph_orch.domain.lifecycle import HealthStatus, TaskPriority, TaskStatus
from graph_orch.domain.models import Recommendation, Task, TaskEvent
from graph_orch.domain.models.workflows import WorkflowState

PREVIEW = 200
"""Characters of a task's content in lists."""
LONG = 4_000
"""Characters of a field of a single task, unless it is asked for in full."""


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)

    @classmethod
    def of(cls, source: Any) -> Self:
        """From an object of the domain, whose attributes have the names of the fields."""
        return cls.model_validate(source)


Attempt = Annotated[int, Field(description="Send it on with commands")]
Lease = Annotated[datetime | None, Field(description="Beat before")]


class TaskState(Answer):
    """A task's status."""

    task_id: str
    status: TaskStatus
    attempt: Attempt
    assigned_to: str | None = None
    lease_expires_at: Lease = None
    retry_count: int = Field(description="Failed tries")


class Created(Answer):
    task_ids: list[str] = Field(description="In the order given")
    warnings: list[str] = Field(description="E.g. skills nobody has")


class WorkItem(Answer):
    """A claimed or listed task."""

    task_id: str
    task_type: str
    content: str = Field(description="Whole if claimed, else a preview")
    status: TaskStatus
    priority: TaskPriority
    attempt: Attempt
    lease_expires_at: Lease = None
    dependencies: list[str] = Field(description="Finished first; see their results")
    metadata: JsonValue = None

    @classmethod
    def preview(cls, task: Task) -> Self:
        """A task of a list: the beginning of its content, and no metadata."""
        found = cls.of(task)
        return found.model_copy(update={"content": cut(found.content, PREVIEW), "metadata": None})


class Work(Answer):
    tasks: list[WorkItem]
    claimed: bool = Field(description="They are yours now")


class HistoryEntry(Answer):
    at: datetime
    type: str
    attempt: int
    agent_id: str | None = None
    detail: JsonValue = None


class TaskDetail(TaskState):
    """A task in full."""

    task_type: str
    content: str
    priority: TaskPriority
    requirements: list[str]
    dependencies: list[str]
    unmet: int = Field(description="Dependencies to finish")
    result: JsonValue = None
    error_message: str | None = None
    progress: float | None = None
    progress_message: str | None = None
    execution_duration_ms: float | None = None
    truncated: list[str] = Field(description="Cut fields; ask with full=true")
    history: list[HistoryEntry] | None = None

    @classmethod
    def of_all(cls, task: Task, events: Iterable[TaskEvent] | None, full: bool) -> Self:
        """From a task, and its events if they are wanted; long fields are cut unless `full`."""
        values = {name: getattr(task, name) for name in cls.model_fields if hasattr(task, name)}
        short = values if full else {name: shorten(value) for name, value in values.items()}
        return cls(
            **short,
            truncated=sorted(name for name, value in values.items() if short[name] != value),
            history=None if events is None else [HistoryEntry.of(event) for event in events],
        )


class TaskRow(Answer):
    task_id: str
    status: TaskStatus
    task_type: str
    priority: TaskPriority
    content: str = Field(description="Preview")
    assigned_to: str | None = None
    unmet: int

    @classmethod
    def preview(cls, task: Task) -> Self:
        """A task of a list, with the beginning of its content."""
        found = cls.of(task)
        return found.model_copy(update={"content": cut(found.content, PREVIEW)})


class TaskRows(Answer):
    tasks: list[TaskRow] = Field(description="Oldest first")
    next_cursor: str | None = Field(None, description="There are more")


class FlowRow(Answer):
    """A workflow."""

    workflow_id: str
    name: str
    state: WorkflowState
    counts: dict[TaskStatus, int] = Field(description="Tasks by status")
    reason: str | None = Field(None, description="Why it was cancelled")


class FlowRows(Answer):
    workflows: list[FlowRow] = Field(description="Newest first")
    next_cursor: str | None = Field(None, description="There are more")


class FlowTask(Answer):
    task_id: str
    name: str | None = None
    status: TaskStatus
    agent_id: str | None = None


class FlowStatus(FlowRow):
    """A workflow, and what it is doing."""

    running: list[FlowTask] = Field(description="Held by agents; 100 at most")
    waiting: list[str] = Field(description="Why the others wait")
    eta_seconds: float | None = Field(None, description="Until it may be done")


class FlowResults(Answer):
    results: dict[str, JsonValue] = Field(description="By name of the task, else id")
    truncated: list[str] = Field(description="Cut results; ask with full=true")
    left_out: int = Field(description="So many more; ask by names")


class AgentRecord(Answer):
    agent_id: str
    capabilities: list[str]
    max_concurrent: int = Field(validation_alias="max_concurrent_tasks")
    active_tasks: int
    success_rate: float
    total_completed: int
    total_failed: int
    avg_completion_ms: float


class AgentCondition(Answer):
    agent_id: str
    status: HealthStatus
    utilization: float = Field(description="1 is full")
    success_rate: float
    active_tasks: int
    max_concurrent: int = Field(validation_alias="max_concurrent_tasks")
    total_completed: int
    total_failed: int


class AgentConditions(Answer):
    agents: list[AgentCondition] = Field(description="By id")
    total_agents: int
    avg_success_rate: float
    skills: dict[str, int] = Field(description="Holders of each skill")


class CapableAgent(Answer):
    agent_id: str
    score: float = Field(description="success_rate * (1 - utilization); 0 is full")


class CapableAgents(Answer):
    agents: list[CapableAgent] = Field(description="Best first")
    unknown_skills: dict[str, list[str]] = Field(description="Nobody has them; similar ones")


class Route(Answer):
    task_id: str
    agent_id: str | None = Field(None, description="Absent: nobody")
    dispatched: bool
    reason: str = Field(description="Why, if nobody")


class RoutingNumbers(Answer):
    routed_count: int
    unroutable_count: int = Field(description="Ready tasks nobody can take")
    assignment_rate: float
    should_rebalance: bool
    by_agent: dict[str, int] = Field(description="Assignments")


class QueueNumbers(Answer):
    pending_count: int = Field(description="ready + blocked + delayed")
    ready_count: int
    blocked_count: int
    delayed_count: int
    assigned_count: int
    running_count: int
    completed_count: int
    failed_count: int
    cancelled_count: int
    success_rate: float
    avg_execution_time_ms: float
    oldest_ready_age_seconds: float | None = None


class Recommendations(Answer):
    recommendations: list[Recommendation] = Field(description="Most urgent first")


class Number(Answer):
    number: int = Field(description="How many")


class Removed(Answer):
    removed: bool


class Paused(Answer):
    what: str
    until: datetime | None = None
    reason: str | None = None


class LimitState(Answer):
    key: str
    at_once: int | None = Field(None, validation_alias="max")
    active: int = Field(description="Held now")
    interval_seconds: float | None = Field(None, description="One may begin so often")
    burst: int | None = None


class BudgetView(Answer):
    owner: str
    budget: JsonValue
    left: JsonValue = Field(description="Neither spent nor reserved")
    is_closed: bool = Field(description="Holds tasks back")


class Flaw(Answer):
    check: str
    node: str
    expected: JsonValue = None
    found: JsonValue = None


class Examination(Answer):
    total: int
    repaired: int
    findings: list[Flaw] = Field(description="The first 100")


class ScheduleView(Answer):
    name: str
    cron: str
    timezone: str
    next_at: datetime | None = Field(None, description="Absent: paused")


class WebhookView(Answer):
    name: str
    behind: int = Field(description="Places of the log not read yet")
    waiting: int = Field(description="Deliveries to make")
    given_up: int


def cut(value: str, longest: int) -> str:
    """At most so many characters of a text, with an ellipsis if some are left out."""
    return value if len(value) <= longest else f"{value[: longest - 1]}…"


def shorten(value: Any) -> Any:
    """A field's value, or the beginning of its text if that is longer than `LONG`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return value if len(text) <= LONG else cut(text, LONG)
