"""What the tools answer. Small: an agent reads it. What is None is left out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from graph_orch.domain.lifecycle import HealthStatus, TaskPriority, TaskStatus
from graph_orch.domain.models import (
    Agent,
    AgentHealth,
    Claim,
    Recommendation,
    Task,
    TaskEvent,
)

PREVIEW = 200
LONG = 4_000


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


Attempt = Annotated[int, Field(description="Send it on with commands")]
Lease = Annotated[datetime | None, Field(description="Beat before")]


class TaskState(Answer):
    """Where a task stands."""

    task_id: str
    status: TaskStatus
    attempt: Attempt
    assigned_to: str | None = None
    lease_expires_at: Lease = None
    retry_count: int = Field(description="Failed tries")

    @classmethod
    def of(cls, task: Task) -> Self:
        """From a task as the queue has it."""
        return cls(**_fields(cls, task))


class Created(Answer):
    task_ids: list[str] = Field(description="In the order given")
    warnings: list[str] = Field(description="E.g. skills nobody has")


class WorkItem(Answer):
    """A task to be done, or to be looked at."""

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
    def of(cls, task: Task) -> Self:
        """A task to be looked at."""
        own = _preview(cls, task)
        own["metadata"] = None
        return cls(**own)

    @classmethod
    def claimed(cls, claim: Claim) -> Self:
        """A task to be done."""
        return cls(**_fields(cls, claim.task))


class Work(Answer):
    tasks: list[WorkItem]
    claimed: bool = Field(description="Whether they are yours now")


class HistoryEntry(Answer):
    at: datetime
    type: str
    attempt: int
    agent_id: str | None = None
    detail: JsonValue = None

    @classmethod
    def of(cls, event: TaskEvent) -> Self:
        """From an event as the audit trail has it."""
        return cls(**event.model_dump(include=set(cls.model_fields)))


class TaskDetail(TaskState):
    """A task with all that an agent asks about."""

    task_type: str
    content: str
    priority: TaskPriority
    requirements: list[str]
    dependencies: list[str]
    unmet: int = Field(description="Dependencies still to finish")
    result: JsonValue = None
    error_message: str | None = None
    progress: float | None = None
    progress_message: str | None = None
    execution_duration_ms: float | None = None
    truncated: list[str] = Field(description="Cut fields; ask with full=true")
    history: list[HistoryEntry] | None = None

    @classmethod
    def of_all(cls, task: Task, events: Iterable[TaskEvent] | None, full: bool) -> Self:
        """From a task and, where they are wanted, its events; long fields cut unless `full`."""
        values = _fields(cls, task)
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
    def of(cls, task: Task) -> Self:
        """A task of a list."""
        return cls(**_preview(cls, task))


class TaskRows(Answer):
    tasks: list[TaskRow] = Field(description="Oldest first")
    next_cursor: str | None = Field(None, description="There are more")


class AgentRecord(Answer):
    agent_id: str
    capabilities: list[str]
    max_concurrent: int
    active_tasks: int
    success_rate: float
    total_completed: int
    total_failed: int
    avg_completion_ms: float

    @classmethod
    def of(cls, agent: Agent) -> Self:
        """From an agent as the registry has it."""
        own = set(cls.model_fields) - {"max_concurrent"}
        return cls(**agent.model_dump(include=own), max_concurrent=agent.max_concurrent_tasks)


class AgentCondition(Answer):
    agent_id: str
    status: HealthStatus
    utilization: float = Field(description="1 is full")
    success_rate: float
    active_tasks: int
    max_concurrent: int
    total_completed: int
    total_failed: int

    @classmethod
    def of(cls, health: AgentHealth) -> Self:
        """From an agent's health."""
        own = set(cls.model_fields) - {"max_concurrent"}
        return cls(**health.model_dump(include=own), max_concurrent=health.max_concurrent_tasks)


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


def _fields(answer: type[Answer], task: Task) -> dict[str, Any]:
    """Those fields of an answer that a task has."""
    return {name: getattr(task, name) for name in answer.model_fields if hasattr(task, name)}


def _preview(answer: type[Answer], task: Task) -> dict[str, Any]:
    """The same, with the beginning of the content."""
    own = _fields(answer, task)
    own["content"] = cut(task.content, PREVIEW)
    return own


def cut(value: str, longest: int) -> str:
    """The beginning of a text, with a mark where something is left out."""
    return value if len(value) <= longest else f"{value[: longest - 1]}…"


def shorten(value: Any) -> Any:
    """A field's value, as the beginning of its text where it is long."""
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return value if len(said) <= LONG else cut(said, LONG)
