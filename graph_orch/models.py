"""What goes in and what comes out: frozen pydantic models.

Attribute names are the property names of the graph (see docs/concepts.md). Times are aware UTC
datetimes, durations are milliseconds unless the name says otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Self, overload
from uuid import uuid4

import pydantic
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from graph_orch.checks import checked
from graph_orch.errors import ValidationError
from graph_orch.lifecycle import (
    DependencyFailure,
    EventType,
    HealthStatus,
    TaskPriority,
    TaskStatus,
)
from graph_orch.values import (
    Content,
    Deadline,
    Dependencies,
    Json,
    Moment,
    Name,
    OneOrMore,
    Ratio,
    Seconds,
    Skills,
    TaskId,
    dump_json,
    load_json,
    skill_key,
)


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RetryPolicy(Model):
    """How often, and how soon, a task is tried again after a try that failed.

    The pause before retry n (from 0) is min(initial_seconds * multiplier ** n, max_seconds), give
    or take `jitter` of it. `non_retryable` names kinds of errors, such as "ValueError", that end
    the task at once.
    """

    max_retries: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 3
    initial_seconds: Seconds = 0.0
    multiplier: Annotated[float, Field(ge=1, le=1_000)] = 2.0
    max_seconds: Seconds = 3_600.0
    jitter: Ratio = 0.1
    non_retryable: Annotated[tuple[Name, ...], Field(max_length=100)] = ()


class NewTask(Model):
    """A task to be created. The fields are the arguments of `create_task`."""

    content: Content
    task_type: Name
    priority: TaskPriority = TaskPriority.MEDIUM
    requirements: Skills = ()
    dependencies: Dependencies = ()
    task_id: TaskId = Field(default_factory=lambda: str(uuid4()))
    idempotency_key: Name | None = None
    max_retries: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 3
    available_at: Moment | None = None
    metadata: Json = None
    on_dependency_failure: DependencyFailure = DependencyFailure.WAIT
    retry_policy: RetryPolicy | None = None
    schedule_to_start_seconds: Deadline | None = None
    start_to_close_seconds: Deadline | None = None
    schedule_to_close_seconds: Deadline | None = None
    concurrency_key: Name | None = None

    @pydantic.field_validator("requirements", "dependencies", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return () if value is None else value

    @pydantic.field_validator("task_id", mode="before")
    @classmethod
    def _none_is_new(cls, value: object) -> object:
        return str(uuid4()) if value is None else value

    @pydantic.model_validator(mode="after")
    def _not_on_itself(self) -> Self:
        if self.task_id in self.dependencies:
            raise ValueError(f"task {self.task_id!r} cannot depend on itself")
        return self

    @property
    def skill_keys(self) -> list[str]:
        return [skill_key(name) for name in self.requirements]

    def fingerprint(self) -> str:
        """A hash of what was asked for, to tell a repeated create from a conflicting one."""
        fields = self.model_dump(
            mode="json", exclude={"task_id", "idempotency_key"}, exclude_defaults=True
        )
        fields["requirements"] = sorted(self.skill_keys)
        fields["dependencies"] = sorted(self.dependencies)
        return hashlib.sha256(dump_json(fields).encode()).hexdigest()[:32]


class Task(Model):
    """A task as it is in the graph."""

    task_id: str
    task_type: str
    content: str
    status: TaskStatus
    priority: TaskPriority
    requirements: list[str]
    dependencies: list[str]
    created_at: datetime
    available_at: datetime | None = None
    assigned_to: str | None = None
    assigned_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    attempt: int = 0
    retry_count: int = 0
    max_retries: int = 3
    lease_expires_at: datetime | None = None
    unmet: int = 0
    on_dependency_failure: DependencyFailure = DependencyFailure.WAIT
    result: JsonValue = None
    error_message: str | None = None
    execution_duration_ms: float | None = None
    success: bool | None = None
    metrics: JsonValue = None
    metadata: JsonValue = None
    idempotency_key: str | None = None
    schedule_to_start_seconds: float | None = None
    start_to_close_seconds: float | None = None
    schedule_to_close_seconds: float | None = None
    concurrency_key: str | None = None
    excluded_agents: list[str] | None = None
    worker_id: str | None = None
    progress: float | None = None
    progress_message: str | None = None

    @property
    def is_blocked(self) -> bool:
        """Pending, and waiting for another task."""
        return self.status is TaskStatus.PENDING and self.unmet > 0

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `task` (the node's properties) and `dependencies` ([ordinal, id] pairs).

        The store's values were checked when they were written, so they are not checked again.
        """
        node = record["task"]
        values = {name: node.get(name) for name in _TASK_PLAIN}
        values |= {name: _moment(node.get(name)) for name in _TASK_MOMENTS}
        values |= {name: load_json(node.get(name)) for name in _TASK_JSON}
        return cls.model_construct(
            **values,
            status=TaskStatus(node["status"]),
            priority=TaskPriority(node["priority"]),
            on_dependency_failure=DependencyFailure(node["on_dependency_failure"]),
            dependencies=[task_id for _, task_id in sorted(record["dependencies"])],
        )


_TASK_JSON = ("result", "metrics", "metadata")
_TASK_MOMENTS = (
    "created_at",
    "available_at",
    "assigned_at",
    "started_at",
    "completed_at",
    "lease_expires_at",
)
_TASK_PLAIN = tuple(
    set(Task.model_fields)
    - {*_TASK_JSON, *_TASK_MOMENTS, "status", "priority", "on_dependency_failure", "dependencies"}
)


class Claim(Model):
    """A task that an agent holds for a time. `attempt` is the fencing token of this try.

    Whoever holds it beats (`TaskQueue.heartbeat`) before `lease_expires_at`, by the server's
    clock; else the task goes to somebody else, and every command with this claim is refused.
    """

    task: Task
    agent_id: str
    attempt: int
    lease_seconds: float
    lease_expires_at: datetime

    @property
    def task_id(self) -> str:
        """The id of the task."""
        return self.task.task_id

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row like a task's, of a task that is held under a lease."""
        task, node = Task.from_record(record), record["task"]
        return cls.model_construct(
            task=task,
            agent_id=task.assigned_to,
            attempt=task.attempt,
            lease_seconds=node["lease_seconds"],
            lease_expires_at=task.lease_expires_at,
        )


class Completion(Model):
    """A claim that was worked off, to be completed together with others."""

    claim: Claim
    result: JsonValue = None
    metrics: JsonValue = None
    duration_ms: float | None = None
    command_id: str = Field(default_factory=lambda: str(uuid4()))


class ConcurrencyLimit(Model):
    """How many tasks with one concurrency key may be held at once (`max`), and are (`active`)."""

    key: str
    max: int
    active: int


class TaskEvent(Model):
    """One transition of a task, as the audit trail has it.

    `position` is its place in the log of all events, once somebody has read that.
    """

    event_id: str
    task_id: str
    type: EventType
    at: datetime
    attempt: int
    agent_id: str | None = None
    command_id: str
    detail: JsonValue = None
    position: int | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `event`, the node's properties."""
        node = record["event"]
        return cls(
            event_id=node["event_id"],
            task_id=node["task_id"],
            type=EventType(node["type"]),
            at=_some_moment(node["at"]),
            attempt=node["attempt"],
            agent_id=node.get("agent_id"),
            command_id=node["command_id"],
            detail=load_json(node.get("detail")),
            position=node.get("position"),
        )


class TaskTry(Model):
    """One try of a task, as the edge to its agent has it. `duration_ms` is None if not started."""

    attempt: int
    agent_id: str
    worker_id: str | None = None
    assigned_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    error: str | None = None
    duration_ms: float | None = None

    @classmethod
    def from_record(cls, edge: Mapping[str, Any]) -> Self:
        """From the edge's properties with the `agent_id`."""
        values = {name: edge.get(name) for name in cls.model_fields}
        values |= {name: _moment(edge.get(name)) for name in _TRY_MOMENTS}
        return cls.model_construct(**values)


_TRY_MOMENTS = ("assigned_at", "started_at", "ended_at")


class TaskRecord(Task):
    """A task with all that happened to it."""

    tries: list[TaskTry]
    events: list[TaskEvent]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row like a task's with `tries` and `events`."""
        task = Task.from_record(record)
        return cls.model_construct(
            **dict(task),
            tries=[TaskTry.from_record(edge) for edge in record["tries"]],
            events=[TaskEvent.from_record({"event": event}) for event in record["events"] if event],
        )


class EventPage(Sequence[TaskEvent]):
    """Some events in the order of the log, and the cursor from which to read on."""

    def __init__(self, events: Sequence[TaskEvent], next_cursor: int) -> None:
        self._events = list(events)
        self.next_cursor = next_cursor

    @overload
    def __getitem__(self, index: int) -> TaskEvent: ...
    @overload
    def __getitem__(self, index: slice) -> list[TaskEvent]: ...
    def __getitem__(self, index: int | slice) -> TaskEvent | list[TaskEvent]:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[TaskEvent]:
        return iter(self._events)


class Agent(Model):
    """A registered agent."""

    agent_id: str
    capabilities: list[str]
    max_concurrent_tasks: int = 5
    active_tasks: int = 0
    total_completed: int = 0
    total_failed: int = 0
    success_rate: float = 1.0
    avg_completion_ms: float = 0.0
    registered_at: datetime
    last_seen_at: datetime
    last_assigned_at: datetime | None = None
    metadata: JsonValue = None

    @property
    def utilization(self) -> float:
        """Tasks held as a share of the slots: 0 is idle, 1 is full."""
        return utilization(self.active_tasks, self.max_concurrent_tasks)

    @property
    def skills(self) -> list[str]:
        """The keys of its skills, as they are compared."""
        return [skill_key(name) for name in self.capabilities]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `agent` (the node's properties) and `names` ([key, name] of skills)."""
        node, names = record["agent"], dict(record["names"])
        return cls(
            agent_id=node["agent_id"],
            capabilities=[names.get(key, key) for key in node["skills"]],
            registered_at=_some_moment(node["registered_at"]),
            last_seen_at=_some_moment(node["last_seen_at"]),
            last_assigned_at=_moment(node.get("last_assigned_at")),
            metadata=load_json(node.get("metadata")),
            **{name: node[name] for name in _AGENT_NUMBERS},
        )


_AGENT_NUMBERS = (
    "max_concurrent_tasks",
    "active_tasks",
    "total_completed",
    "total_failed",
    "success_rate",
    "avg_completion_ms",
)


def utilization(active: int, limit: int) -> float:
    """Held tasks as a share of the slots; full where there are no slots."""
    return active / limit if limit > 0 else 1.0


class WorkerInfo(Model):
    """A worker process. It lives while it was seen within three of its `beat_seconds`."""

    worker_id: str
    agent_id: str
    hostname: str
    pid: int
    concurrency: int
    beat_seconds: float
    started_at: datetime
    last_seen_at: datetime
    is_live: bool
    task_ids: list[str]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row of `workers/list`."""
        node = record["worker"]
        names = ("worker_id", "agent_id", "hostname", "pid", "concurrency", "beat_seconds")
        return cls(
            **{name: node[name] for name in names},
            started_at=_some_moment(node["started_at"]),
            last_seen_at=_some_moment(node["last_seen_at"]),
            is_live=record["is_live"],
            task_ids=record["task_ids"],
        )


class AgentHealth(Model):
    """How an agent is doing.

    Saturated at utilization >= 1; degraded below a success rate of 0.8 over at least 5 finished
    tasks; not_found where no such agent is registered; healthy otherwise.
    """

    agent_id: str
    status: HealthStatus
    success_rate: float = 1.0
    utilization: float = 0.0
    active_tasks: int = 0
    max_concurrent_tasks: int = 0
    total_completed: int = 0
    total_failed: int = 0
    avg_completion_ms: float = 0.0
    last_seen_at: datetime | None = None

    @classmethod
    def of(cls, agent_id: str, agent: Agent | None) -> Self:
        """The health of an agent, as it was read."""
        if agent is None:
            return cls(agent_id=agent_id, status=HealthStatus.NOT_FOUND, success_rate=0.0)
        return cls(
            status=_health(agent),
            **agent.model_dump(include=set(cls.model_fields) - {"status", "utilization"}),
            utilization=agent.utilization,
        )


def _health(agent: Agent) -> HealthStatus:
    if agent.utilization >= 1:
        return HealthStatus.SATURATED
    finished = agent.total_completed + agent.total_failed
    if finished >= DEGRADED_AFTER and agent.success_rate < DEGRADED_BELOW:
        return HealthStatus.DEGRADED
    return HealthStatus.HEALTHY


DEGRADED_BELOW = 0.8
DEGRADED_AFTER = 5


class AgentLoad(Model):
    """How many of an agent's slots are taken."""

    agent_id: str
    active_tasks: int
    max_concurrent_tasks: int

    @property
    def utilization(self) -> float:
        """Tasks held as a share of the slots."""
        return utilization(self.active_tasks, self.max_concurrent_tasks)

    @classmethod
    def from_record(cls, node: Mapping[str, Any]) -> Self:
        """From an agent's properties."""
        return cls(**{name: node[name] for name in cls.model_fields})


class AgentStatistics(Model):
    """All registered agents together. `load` is sorted by agent_id."""

    total_agents: int
    avg_success_rate: float
    skill_distribution: dict[str, int]
    load: list[AgentLoad]


class QueueStatistics(Model):
    """The queue in numbers. blocked, delayed and ready are parts of pending."""

    pending_count: int = 0
    ready_count: int = 0
    blocked_count: int = 0
    delayed_count: int = 0
    assigned_count: int = 0
    running_count: int = 0
    completed_count: int = 0
    failed_count: int = 0
    cancelled_count: int = 0
    avg_execution_time_ms: float = 0.0
    oldest_ready_age_seconds: float | None = None

    @classmethod
    def from_record(cls, row: Mapping[str, Any]) -> Self:
        """From a row of `tasks/statistics`."""
        counts = {f"{name}_count": row[name] for name in _COUNTED}
        return cls(
            **counts,
            ready_count=row["pending"] - row["blocked"] - row["delayed"],
            avg_execution_time_ms=row["duration_ms"] / row["timed"] if row["timed"] else 0.0,
            oldest_ready_age_seconds=row["oldest_ready_age_seconds"],
        )

    @pydantic.computed_field
    @property
    def success_rate(self) -> float:
        """Completed among completed and failed; 1.0 with no history."""
        finished = self.completed_count + self.failed_count
        return self.completed_count / finished if finished else 1.0

    def total_count(self) -> int:
        """All tasks."""
        return self.active_count() + self.completed_count + self.failed_count + self.cancelled_count

    def active_count(self) -> int:
        """Tasks that still move by themselves: pending, assigned or running."""
        return self.pending_count + self.assigned_count + self.running_count


_COUNTED = (
    "pending",
    "blocked",
    "delayed",
    "assigned",
    "running",
    "completed",
    "failed",
    "cancelled",
)


class RoutingStatistics(Model):
    """How routing goes. `by_agent` counts the assignments of each agent, retired ones included."""

    routed_count: int
    unroutable_count: int
    by_agent: dict[str, int]

    @pydantic.computed_field
    @property
    def assignment_rate(self) -> float:
        """Assignments among these and the ready tasks that no agent can take; 1.0 with none."""
        wanted = self.routed_count + self.unroutable_count
        return self.routed_count / wanted if wanted else 1.0


class Candidate(Model):
    """An agent that could take a task, with the numbers that rank it."""

    agent_id: str
    success_rate: float
    active_tasks: int
    max_concurrent_tasks: int

    @property
    def score(self) -> float:
        """quality = success_rate * (1 - min(utilization, 1))."""
        load = utilization(self.active_tasks, self.max_concurrent_tasks)
        return self.success_rate * (1 - min(load, 1.0))


class Schedule(Model):
    """Recurring work: at each tick of `cron`, by the clocks of `timezone`, a task is created.

    `task` holds the arguments of `create_task`. `next_at` is the tick to come, None while paused;
    `last_at` the latest one for which a task was created.
    """

    name: str
    cron: str
    timezone: str
    paused: bool
    task: dict[str, JsonValue]
    created_at: datetime
    next_at: datetime | None = None
    last_at: datetime | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `schedule`, the node's properties."""
        node = record["schedule"]
        return cls(
            **{name: node[name] for name in ("name", "cron", "timezone", "paused")},
            task=json.loads(node["template"]),
            created_at=_some_moment(node["created_at"]),
            next_at=_moment(node.get("next_at")),
            last_at=_moment(node.get("last_at")),
        )


class TaskFilters(Model):
    """What `query_tasks` selects by. Each names one value or several; None selects all.

    `text` matches whole words of the content; all its words must occur. The ranges are
    half-open: after <= time < before.
    """

    status: OneOrMore[TaskStatus] = ()
    agent_id: OneOrMore[Name] = ()
    task_type: OneOrMore[Name] = ()
    priority: OneOrMore[TaskPriority] = ()
    requirement: OneOrMore[Name] = ()
    created_after: Moment | None = None
    created_before: Moment | None = None
    finished_after: Moment | None = None
    finished_before: Moment | None = None
    text: Content | None = None

    @classmethod
    def of(cls, filters: Self | Mapping[str, object] | None) -> Self:
        """From what a caller gave.

        Raises:
            ValidationError: a filter is unknown or its value is not acceptable.
        """
        if isinstance(filters, cls):
            return filters
        given = dict(filters or {})
        if unknown := sorted(map(str, set(given) - set(cls.model_fields))):
            raise ValidationError(
                f"query_tasks: unknown filter {', '.join(unknown)}; "
                f"known are {', '.join(cls.model_fields)}"
            )
        return checked("query_tasks", lambda: cls.model_validate(given))


class TaskPage(Sequence[Task]):
    """Some tasks, oldest first, and where the next page begins (None: this was the last)."""

    def __init__(self, tasks: Sequence[Task], next_cursor: str | None = None) -> None:
        self._tasks = list(tasks)
        self.next_cursor = next_cursor

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> list[Task]: ...
    def __getitem__(self, index: int | slice) -> Task | list[Task]:
        return self._tasks[index]

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks)

    def __repr__(self) -> str:
        return f"TaskPage({len(self)} tasks, next_cursor={self.next_cursor!r})"


class Finding(Model):
    """Something that the integrity check found: a counter or an edge that does not agree."""

    check: str
    node: str
    expected: JsonValue = None
    found: JsonValue = None

    @classmethod
    def from_record(cls, check: str, row: Mapping[str, Any]) -> Self:
        """From a row of a check."""
        return cls(check=check, node=row["node"], expected=row["expected"], found=row["found"])


class DoctorReport(Model):
    """What `doctor` found, and how many findings it repaired."""

    findings: list[Finding]
    repaired: int = 0

    @property
    def is_sound(self) -> bool:
        """Nothing was found, or all of it was repaired."""
        return self.repaired == len(self.findings)


def _some_moment(value: Any) -> datetime:
    moment = value.to_native()
    return moment.astimezone(UTC)


def _moment(value: Any) -> datetime | None:
    return None if value is None else _some_moment(value)
