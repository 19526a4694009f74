"""Tasks, claims on them, and how they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Self, TypedDict, Unpack
from uuid import UUID

import pydantic
from pydantic import Field, JsonValue

from graph_orch.domain.ids import new_hex, new_uuid
from graph_orch.domain.lifecycle import (
    DependencyFailure,
    TaskPriority,
    TaskStatus,
)
from graph_orch.domain.models.base import Filters, Model, Page, moment
from graph_orch.domain.values import (
    Content,
    Count,
    Deadline,
    Dependencies,
    Json,
    Key,
    LeaseSeconds,
    Limit,
    Listed,
    Moment,
    Name,
    NewName,
    NewSkills,
    OneOrMore,
    Ratio,
    Retries,
    Seconds,
    TaskId,
    dump_json,
    load_json,
    skill_key,
)


class RetryPolicy(Model):
    """How often, and how soon, a task is tried again after a try that failed.

    The pause before retry n (from 0) is min(initial_seconds * multiplier ** n, max_seconds), give
    or take `jitter` of it. `non_retryable` names kinds of errors, such as "ValueError", that end
    the task at once.
    """

    max_retries: Retries = 3
    initial_seconds: Seconds = 0.0
    multiplier: Annotated[float, Field(ge=1, le=1_000)] = 2.0
    max_seconds: Seconds = 3_600.0
    jitter: Ratio = 0.1
    non_retryable: Annotated[tuple[NewName, ...], Field(max_length=100)] = ()

    if TYPE_CHECKING:  # what may be given is more than what is kept

        def __init__(
            self,
            *,
            max_retries: int = 3,
            initial_seconds: float = 0.0,
            multiplier: float = 2.0,
            max_seconds: float = 3_600.0,
            jitter: float = 0.1,
            non_retryable: Iterable[str] = (),
        ) -> None: ...


class TaskOptions(TypedDict, total=False):
    """What callers may give as keyword arguments of `create_task`; `NewTask` says what it means."""

    task_id: str | UUID | None
    idempotency_key: str | None
    max_retries: int
    available_at: datetime | None
    metadata: JsonValue
    on_dependency_failure: DependencyFailure | str
    retry_policy: RetryPolicy | Mapping[str, object] | None
    schedule_to_start_seconds: float | None
    start_to_close_seconds: float | None
    schedule_to_close_seconds: float | None
    concurrency_key: str | None


class NewTask(Model):
    """A task to be created. Its fields are what every way to create a task takes."""

    content: Content = Field(description="What is to be done")
    task_type: NewName = Field(description="Kind of task, such as 'review'")
    priority: TaskPriority = Field(TaskPriority.MEDIUM, description="How urgent it is")
    requirements: NewSkills = Field((), description="Skills that an agent needs, all of them")
    dependencies: Dependencies = Field((), description="Ids of tasks to be completed first")
    task_id: TaskId = Field(default_factory=new_uuid, description="A UUID of your own")
    idempotency_key: Key | None = Field(
        None, description="The same key, the same task: ask again safely"
    )
    max_retries: Retries = Field(3, description="Tries after the first")
    available_at: Moment | None = Field(None, description="Not before, with timezone")
    metadata: Json = Field(None, description="What you keep with it, at most 1 MB")
    on_dependency_failure: DependencyFailure = Field(
        DependencyFailure.WAIT, description="What to do if a dependency fails"
    )
    retry_policy: RetryPolicy | None = Field(
        None, description="How soon to try again, after which errors not"
    )
    schedule_to_start_seconds: Deadline | None = Field(
        None, description="It fails if not taken so long after it is ready"
    )
    start_to_close_seconds: Deadline | None = Field(None, description="A longer try fails")
    schedule_to_close_seconds: Deadline | None = Field(
        None, description="It fails if not done so long after its creation"
    )
    concurrency_key: NewName | None = Field(
        None, description="Tasks with one key share a limit of tasks held at once"
    )

    if TYPE_CHECKING:  # what may be given is more than what is kept

        def __init__(
            self,
            *,
            content: str,
            task_type: str,
            priority: TaskPriority | str = TaskPriority.MEDIUM,
            requirements: Iterable[str] | None = None,
            dependencies: Iterable[str] | None = None,
            **options: Unpack[TaskOptions],
        ) -> None: ...

    @pydantic.field_validator("requirements", "dependencies", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return () if value is None else value

    @pydantic.field_validator("task_id", mode="before")
    @classmethod
    def _none_is_new(cls, value: object) -> object:
        return new_uuid() if value is None else value

    @pydantic.model_validator(mode="after")
    def _not_on_itself(self) -> Self:
        if self.task_id in self.dependencies:
            raise ValueError(f"task {self.task_id!r} cannot depend on itself")
        return self

    def with_own_key(self, key: str) -> Self:
        """The same task under an idempotency key of our own, which no client can give (OWN_KEYS).

        So nobody can create the task of a tick or a message before that, with other fields.
        """
        return self.model_copy(update={"idempotency_key": key})

    @property
    def skill_keys(self) -> list[str]:
        return [skill_key(name) for name in self.requirements]

    @cached_property
    def metadata_text(self) -> str | None:
        """The metadata as it is stored."""
        return None if self.metadata is None else dump_json(self.metadata)

    def fingerprint(self) -> str:
        """A hash of what was asked for, to tell a repeated create from a conflicting one."""
        fields = self.model_dump(
            mode="json", exclude={"task_id", "idempotency_key"}, exclude_defaults=True
        )
        fields["requirements"] = sorted(self.skill_keys)
        fields["dependencies"] = sorted(self.dependencies)
        return hashlib.sha256(dump_json(fields).encode()).hexdigest()[:32]


ONCE_ONLY = ("task_id", "idempotency_key", "dependencies", "available_at")
"""The fields of a task that say nothing about the next one of a schedule."""


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
        values = {
            name: node.get(name) if read is None else read(node.get(name))
            for name, read in _TASK_FIELDS
        }
        values["dependencies"] = [task_id for _, task_id in sorted(record["dependencies"])]
        return cls.stored(values)


def records_of(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tasks that a statement answers in one row, each as `Task.from_record` takes it."""
    found: dict[str, list[tuple[int, str]]] = {}
    for task_id, ordinal, depends_on in row["edges"]:
        found.setdefault(task_id, []).append((ordinal, depends_on))
    return [
        {"task": node, "dependencies": found.get(node["task_id"], ())}
        for node in row["tasks"]
        if node is not None  # it was deleted while it was read
    ]


_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("result", "metrics", "metadata"), load_json),
    **dict.fromkeys(
        (
            "created_at",
            "available_at",
            "assigned_at",
            "started_at",
            "completed_at",
            "lease_expires_at",
        ),
        moment,
    ),
    "status": {it.value: it for it in TaskStatus}.__getitem__,
    "priority": {it.value: it for it in TaskPriority}.__getitem__,
    "on_dependency_failure": {it.value: it for it in DependencyFailure}.__getitem__,
}
"""How what is not stored as it is is read."""
_TASK_FIELDS = tuple((name, _READ.get(name)) for name in Task.model_fields)


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

    @property
    def deadline(self) -> datetime:
        """Until when it holds, by the server's clock: `lease_expires_at`."""
        return self.lease_expires_at

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row like a task's, of a task that is held under a lease."""
        task = Task.from_record(record)
        return cls.stored(
            {
                "task": task,
                "agent_id": task.assigned_to,
                "attempt": task.attempt,
                "lease_seconds": record["task"]["lease_seconds"],
                "lease_expires_at": task.lease_expires_at,
            }
        )


class ClaimRequest(Model):
    """What a claim asks for. The fields are the arguments of `claim_tasks`."""

    agent_id: Name
    limit: Limit
    lease_seconds: LeaseSeconds
    task_types: Listed[Name] | None
    start: bool
    take_up: bool
    worker_id: Name | None
    begin: Count | None = None
    """How many of them to start, where they are to be started; None: all."""

    @classmethod
    def of(cls, **given: object) -> Self:
        """From what a caller gave.

        Raises:
            ValidationError: a value is not acceptable.
        """
        return cls.parsed("claim_tasks", given)


class Completion(Model):
    """A claim that was worked off, to be completed together with others."""

    claim: Claim
    result: JsonValue = None
    metrics: JsonValue = None
    duration_ms: float | None = None
    command_id: str = Field(default_factory=new_hex)
    began: float | None = None
    """When the work began, by `time.perf_counter`, where the queue was not told of it."""


class ConcurrencyLimit(Model):
    """How many tasks with one concurrency key may be held at once (`max`), and are (`active`)."""

    key: str
    max: int
    active: int


class TaskFilters(Filters):
    """What `query_tasks` selects by. Each names one value or several; None selects all.

    `text` matches whole words of the content; all its words must occur. The ranges are
    half-open: after <= time < before.
    """

    asked = "query_tasks"

    status: OneOrMore[TaskStatus] = Field((), description="Any of these")
    agent_id: OneOrMore[Name] = Field((), description="Of these agents")
    task_type: OneOrMore[Name] = Field((), description="Of these types")
    priority: OneOrMore[TaskPriority] = Field((), description="Of these priorities")
    requirement: OneOrMore[Name] = Field((), description="Skills, any of which they need")
    created_after: Moment | None = Field(None, description="From then, with timezone")
    created_before: Moment | None = Field(None, description="Before then, with timezone")
    finished_after: Moment | None = Field(None, description="From then, with timezone")
    finished_before: Moment | None = Field(None, description="Before then, with timezone")
    text: Content | None = Field(None, description="Whole words of the content, all of them")

    if TYPE_CHECKING:  # what may be given is more than what is kept

        def __init__(
            self,
            *,
            status: TaskStatus | str | Iterable[TaskStatus | str] | None = None,
            agent_id: str | Iterable[str] | None = None,
            task_type: str | Iterable[str] | None = None,
            priority: TaskPriority | str | Iterable[TaskPriority | str] | None = None,
            requirement: str | Iterable[str] | None = None,
            created_after: datetime | None = None,
            created_before: datetime | None = None,
            finished_after: datetime | None = None,
            finished_before: datetime | None = None,
            text: str | None = None,
        ) -> None: ...


class TaskPage(Page[Task, str | None]):
    """Some tasks, oldest first, and where the next page begins (None: this was the last)."""

    def __init__(self, tasks: Sequence[Task], next_cursor: str | None = None) -> None:
        super().__init__(tasks, next_cursor)

    def __repr__(self) -> str:
        return f"TaskPage({len(self)} tasks, next_cursor={self.next_cursor!r})"
