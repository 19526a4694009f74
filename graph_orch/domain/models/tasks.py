"""Tasks, the claims of agents on them, and what callers ask for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Self, TypedDict, Unpack
from uuid import UUID

import pydantic
from pydantic import Field, JsonValue

from graph_orch.domain.fields import (
    RELATIONS,
    Content,
    Count,
    Deadline,
    Dependencies,
    Gates,
    Independent,
    Json,
    Key,
    Labels,
    LeaseSeconds,
    Limit,
    Listed,
    Moment,
    Name,
    NewName,
    NewSkills,
    OneOrMore,
    Preferred,
    Ratio,
    Retries,
    Seconds,
    TaskId,
)
from graph_orch.domain.forms import dump_json, skill_key
from graph_orch.domain.ids import new_hex, new_uuid
from graph_orch.domain.lifecycle import DependencyFailure, TaskPriority, TaskStatus
from graph_orch.domain.models.base import Filters, Model, Page
from graph_orch.domain.models.budgets import Budget


class RetryPolicy(Model):
    """How often, and how soon, a task is tried again after a failed try.

    The pause before retry n (from 0) is min(initial_seconds * multiplier ** n, max_seconds), plus
    or minus a random part of up to `jitter` of it. `non_retryable` names error classes, such as
    "ValueError", that end the task at once.
    """

    max_retries: Retries = 3
    initial_seconds: Seconds = 0.0
    multiplier: Annotated[float, Field(ge=1, le=1_000)] = 2.0
    max_seconds: Seconds = 3_600.0
    jitter: Ratio = 0.1
    non_retryable: Annotated[tuple[NewName, ...], Field(max_length=100)] = ()

    if TYPE_CHECKING:  # callers may give more types than the fields have

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
    """The keyword arguments of `create_task`, which `NewTask` describes."""

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
    fallback_requirements: Iterable[str] | None
    fallback_after_seconds: float | None
    workflow_id: str | None
    name: str | None
    gates: Iterable[str] | None
    independent_of: str | Iterable[str] | None
    estimate: Budget | Mapping[str, object] | None
    concurrency_key: str | None
    fairness_key: str | None
    team_id: str | None
    for_leader: bool
    required_labels: Iterable[str] | None
    preferred_labels: Mapping[str, float] | None


class TaskChanges(TypedDict, total=False):
    """The keyword arguments of `update_task`: fields of `NewTask`."""

    priority: TaskPriority | str
    requirements: Iterable[str] | None
    metadata: JsonValue
    estimate: Budget | Mapping[str, object] | None
    schedule_to_start_seconds: float | None
    start_to_close_seconds: float | None
    schedule_to_close_seconds: float | None
    fairness_key: str | None
    team_id: str | None
    for_leader: bool
    required_labels: Iterable[str] | None
    preferred_labels: Mapping[str, float] | None


class NewTask(Model):
    """A task to be created. Its fields are what every way to create a task takes."""

    content: Content = Field(description="What is to be done")
    task_type: NewName = Field(description="Kind of task, such as 'review'")
    priority: TaskPriority = Field(TaskPriority.MEDIUM, description="How urgent it is")
    requirements: NewSkills = Field((), description="Skills that an agent needs")
    dependencies: Dependencies = Field((), description="Ids of tasks to complete first")
    task_id: TaskId = Field(default_factory=new_uuid, description="A UUID of your own")
    idempotency_key: Key | None = Field(None, description="The same key, the same task")
    max_retries: Retries = Field(3, description="Tries after the first")
    available_at: Moment | None = Field(None, description="Not before, with timezone")
    metadata: Json = Field(None, description="What you keep with it, at most 1 MB")
    on_dependency_failure: DependencyFailure = Field(
        DependencyFailure.WAIT, description="When a dependency fails"
    )
    retry_policy: RetryPolicy | None = Field(
        None, description="How soon to try again, and when not"
    )
    schedule_to_start_seconds: Deadline | None = Field(
        None, description="It fails if not taken so long after ready"
    )
    start_to_close_seconds: Deadline | None = Field(None, description="A longer try fails")
    schedule_to_close_seconds: Deadline | None = Field(
        None, description="It fails if not done so long after creation"
    )
    fallback_requirements: NewSkills = Field((), description="Skills that do after a wait")
    fallback_after_seconds: Deadline | None = Field(
        None, description="That wait; then others than its team may, too"
    )
    workflow_id: Name | None = Field(None, description="Its workflow")
    name: NewName | None = Field(None, description="Its name in its workflow")
    gates: Gates = Field((), description="Gates to be opened first")
    independent_of: Independent = Field(
        (), description="Not for who did these: ids, dependencies or ancestors"
    )
    estimate: Budget | None = Field(None, description="What a try may use")
    concurrency_key: NewName | None = Field(None, description="Names a limit")
    fairness_key: NewName | None = Field(None, description="Names a share")
    team_id: Name | None = Field(None, description="For its members")
    for_leader: bool = Field(False, description="For its leader alone")
    required_labels: Labels = Field((), description="Labels that an agent needs")
    preferred_labels: Preferred = Field({}, description="Labels, each worth seconds of waiting")

    if TYPE_CHECKING:  # callers may give more types than the fields have

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

    @pydantic.field_validator(
        "requirements",
        "fallback_requirements",
        "dependencies",
        "gates",
        "required_labels",
        mode="before",
    )
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return () if value is None else value

    @pydantic.field_validator("preferred_labels", mode="before")
    @classmethod
    def _none_is_no_label(cls, value: object) -> object:
        return {} if value is None else value

    @pydantic.field_validator("task_id", mode="before")
    @classmethod
    def _none_is_new(cls, value: object) -> object:
        return new_uuid() if value is None else value

    @pydantic.model_validator(mode="after")
    def _not_on_itself(self) -> Self:
        if self.task_id in self.independent_of:
            raise ValueError(f"task {self.task_id!r} cannot be independent of itself")
        if self.task_id in self.dependencies:
            raise ValueError(f"task {self.task_id!r} cannot depend on itself")
        return self

    @pydantic.model_validator(mode="after")
    def _after_a_wait(self) -> Self:
        if self.fallback_requirements and self.fallback_after_seconds is None:
            raise ValueError(
                "fallback_requirements, the skills that do after a wait, need "
                "fallback_after_seconds, that wait: give both, or none"
            )
        if self.fallback_after_seconds is not None and not self.falls_back:
            raise ValueError(
                "fallback_after_seconds needs what changes after that wait: give "
                "fallback_requirements, the skills that do then, or a team_id, whose members come "
                "first until then"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _leader_of_a_team(self) -> Self:
        if self.for_leader and self.team_id is None:
            raise ValueError("for_leader needs the team_id of the team whose leader is to take it")
        return self

    def with_own_key(self, key: str) -> Self:
        """The same task with an idempotency key that clients cannot give, see OWN_KEYS.

        So no client can create the task of a tick or a message beforehand, with other fields.
        """
        return self.model_copy(update={"idempotency_key": key})

    @property
    def skill_keys(self) -> list[str]:
        """The keys of the required skills, as they are compared."""
        return [skill_key(name) for name in self.requirements]

    @property
    def fallback_keys(self) -> list[str]:
        """The keys of the skills that do after a wait; [] where none do."""
        return [skill_key(name) for name in self.fallback_requirements]

    @property
    def falls_back(self) -> bool:
        """Whether others may take it after `fallback_after_seconds`."""
        return self.fallback_after_seconds is not None and bool(
            self.fallback_requirements or self.team_id
        )

    @property
    def named_tasks(self) -> tuple[str, ...]:
        """The ids of the tasks that it depends on, and of those it is to be independent of."""
        named = (it for it in self.independent_of if it not in RELATIONS)
        return (*self.dependencies, *named)

    def renamed(self, ids: Mapping[str, str], **fields: object) -> Self:
        """The same task with other ids for the tasks that it names, and other fields."""
        return self.model_copy(
            update={
                "dependencies": tuple(ids.get(it, it) for it in self.dependencies),
                "independent_of": tuple(ids.get(it, it) for it in self.independent_of),
                **fields,
            }
        )

    @cached_property
    def metadata_text(self) -> str | None:
        """The metadata as JSON text, which the store keeps."""
        return None if self.metadata is None else dump_json(self.metadata)

    def fingerprint(self) -> str:
        """A hash of the fields, which tells a repeated creation from a conflicting one."""
        fields = self.model_dump(
            mode="json", exclude={"task_id", "idempotency_key"}, exclude_defaults=True
        )
        fields["requirements"] = sorted(self.skill_keys)
        if self.fallback_requirements:
            fields["fallback_requirements"] = sorted(self.fallback_keys)
        if self.required_labels:
            fields["required_labels"] = sorted(self.required_labels)
        fields["dependencies"] = sorted(self.dependencies)
        fields["independent_of"] = sorted(self.independent_of)
        return hashlib.sha256(dump_json(fields).encode()).hexdigest()[:32]


def copy_of(record: Mapping[str, Any], **changed: Any) -> NewTask:
    """A new task like one that there is, which begins anew.

    Args:
        record: A row as `Task.from_record` takes it.
        changed: Fields that differ.
    """
    task, node = Task.from_record(record), record["task"]
    kept = NewTask.model_fields.keys() - {"task_id", "idempotency_key", "available_at", "gates"}
    fields: dict[str, Any] = {
        name: value for name in kept if (value := getattr(task, name, None)) is not None
    }
    retries = {
        "initial_seconds": node.get("retry_initial_seconds"),
        "multiplier": node.get("retry_multiplier"),
        "max_seconds": node.get("retry_max_seconds"),
        "jitter": node.get("retry_jitter"),
        "non_retryable": node.get("non_retryable"),
    }
    if given := {name: value for name, value in retries.items() if value is not None}:
        fields["retry_policy"] = {"max_retries": task.max_retries, **given}
    return NewTask.parsed("copy", {**fields, **changed})


ONCE_ONLY = ("task_id", "idempotency_key", "dependencies", "available_at", "name", "gates")
"""Fields of one task only, which the template of a schedule cannot have."""


class Task(Model):
    """A task as the graph holds it."""

    task_id: str = Field(description="A UUID")
    task_type: str = Field(description="Kind of task, such as 'review'")
    content: str = Field(description="What is to be done")
    status: TaskStatus = Field(description="Where it is in its life")
    priority: TaskPriority = Field(description="How urgent it is")
    requirements: list[str] = Field(description="Skills that an agent needs")
    dependencies: list[str] = Field(description="Ids of tasks to be completed first")
    created_at: datetime = Field(description="When it was created, UTC, as all times here")
    available_at: datetime | None = Field(None, description="When it can be taken at the earliest")
    assigned_to: str | None = Field(None, description="The agent that holds it, or that ended it")
    assigned_at: datetime | None = Field(None, description="When that agent got it")
    started_at: datetime | None = Field(None, description="When the work of its last try began")
    completed_at: datetime | None = Field(None, description="When it ended, however it ended")
    attempt: int = Field(0, description="Number of its last try, its fencing token; 0: none yet")
    retry_count: int = Field(0, description="Failed tries since its creation or retry_task")
    max_retries: int = Field(3, description="Tries after the first")
    lease_expires_at: datetime | None = Field(None, description="The end of its holder's lease")
    unmet: int = Field(0, description="Dependencies and gates that hold it back")
    on_dependency_failure: DependencyFailure = Field(
        DependencyFailure.WAIT, description="What happens to it if a dependency fails"
    )
    result: JsonValue = Field(None, description="What its handler returned, as JSON")
    error_message: str | None = Field(None, description="Why it, or its last try, failed or ended")
    execution_duration_ms: float | None = Field(None, description="Milliseconds of its last try")
    success: bool | None = Field(None, description="True: completed. False: failed. None: neither")
    metrics: JsonValue = Field(None, description="Measurements of its last completed try, as JSON")
    metadata: JsonValue = Field(None, description="What its creator keeps with it")
    idempotency_key: str | None = Field(None, description="The key under which it was created")
    schedule_to_start_seconds: float | None = Field(None, description="Seconds until it is taken")
    start_to_close_seconds: float | None = Field(None, description="Seconds that a try may take")
    schedule_to_close_seconds: float | None = Field(None, description="Seconds until it has ended")
    """Deadlines: one that passes fails the try (start_to_close_seconds) or the task."""
    fallback_requirements: list[str] | None = Field(
        None, description="Skills that do when it was not taken in fallback_after_seconds"
    )
    fallback_after_seconds: float | None = Field(None, description="Seconds since it was ready")
    workflow_id: str | None = Field(None, description="The workflow that it is part of")
    name: str | None = Field(None, description="Its name in that workflow")
    concurrency_key: str | None = Field(None, description="Names the limit that it counts towards")
    fairness_key: str | None = Field(None, description="Whose share of the agents' time it takes")
    team_id: str | None = Field(None, description="The team whose members it is for")
    for_leader: bool = Field(False, description="Whether it is for that team's leader alone")
    required_labels: list[str] | None = Field(None, description="Labels that an agent needs")
    preferred_labels: JsonValue = Field(
        None, description="Labels that are liked: seconds of waiting that each counts for"
    )
    independent_of: list[str] | None = Field(
        None, description="Whoever worked on these may not take it"
    )
    estimate: Budget | None = Field(None, description="What a try is estimated to use")
    excluded_agents: list[str] | None = Field(None, description="Agents that may not try it again")
    worker_id: str | None = Field(None, description="The worker process that holds it")
    progress: float | None = Field(None, description="How much is done, from 0 to 1")
    progress_message: str | None = Field(None, description="What its holder says of the progress")

    @property
    def is_blocked(self) -> bool:
        """Whether it is pending and waits for another task."""
        return self.status is TaskStatus.PENDING and self.unmet > 0

    @property
    def comments(self) -> list[str]:
        """What was said of it each time that it was sent back, the last word last.

        `metadata["sent_back"]` says by whom too, and at which gate.
        """
        notes = self.metadata.get("sent_back") if isinstance(self.metadata, dict) else None
        told = notes if isinstance(notes, list) else []
        found = [it.get("comment") for it in told if isinstance(it, dict)]
        return [it for it in found if isinstance(it, str)]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `task`, a node's properties, and `dependencies`, [ordinal, id] pairs."""
        dependencies = [task_id for _, task_id in sorted(record["dependencies"])]
        values = cls.decoded(record["task"]) | {"dependencies": dependencies}
        if values["estimate"] is not None:
            values["estimate"] = Budget.of_amounts(
                values["estimate"], record["task"].get("estimate_currency") or "USD"
            )
        return cls.stored(values)


def records_of(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tasks of a row with `tasks` and `edges`, each as `Task.from_record` takes it."""
    found: dict[str, list[tuple[int, str]]] = {}
    for task_id, ordinal, depends_on in row["edges"]:
        found.setdefault(task_id, []).append((ordinal, depends_on))
    return [
        {"task": node, "dependencies": found.get(node["task_id"], ())}
        for node in row["tasks"]
        if node is not None  # the task was deleted while it was read
    ]


class Claim(Model):
    """A task that an agent holds for a time.

    Its holder calls `TaskQueue.heartbeat` before `lease_expires_at`. Otherwise another agent may
    get the task, and every command with this claim is refused.
    """

    task: Task
    agent_id: str
    attempt: int = Field(description="The number of this try, its fencing token")
    lease_seconds: float = Field(description="The length of the lease")
    lease_expires_at: datetime = Field(description="By the server's clock, UTC")

    @property
    def task_id(self) -> str:
        """The id of the task."""
        return self.task.task_id

    @property
    def deadline(self) -> datetime:
        """Another name of `lease_expires_at`."""
        return self.lease_expires_at

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row like a task's, of a task that an agent holds under a lease."""
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
    """The arguments of `claim_tasks`, checked."""

    agent_id: Name
    limit: Limit
    lease_seconds: LeaseSeconds
    task_types: Listed[Name] | None
    start: bool
    take_up: bool
    worker_id: Name | None
    begin: Count | None = None
    """How many of the claimed tasks to start where `start` is set; None: all."""

    @classmethod
    def of(cls, **given: object) -> Self:
        """Validate what a caller gave.

        Raises:
            ValidationError: A value is not acceptable.
        """
        return cls.parsed("claim_tasks", given)


class Completion(Model):
    """A claim whose work is done, to be completed together with others."""

    claim: Claim
    result: JsonValue = None
    metrics: JsonValue = None
    duration_ms: float | None = Field(None, description="Milliseconds of work; None: since start")
    command_id: str = Field(default_factory=new_hex)
    began: float | None = None
    """When the work began, by `time.perf_counter`, where the start was not sent to the store."""


class ConcurrencyLimit(Model):
    """The limit of tasks with one concurrency key: how many are held, and how often one begins."""

    key: str
    max: int | None = Field(None, description="How many may be held at once; None: not limited")
    active: int = Field(0, description="How many are held")
    interval_seconds: float | None = Field(None, description="One may begin so often; None: always")
    burst: int | None = Field(None, description="How many may begin at once after a time of none")
    next_at: datetime | None = Field(None, description="When the next may begin, UTC")

    @classmethod
    def from_record(cls, node: Mapping[str, Any]) -> Self:
        """From a limit's properties."""
        return cls(**cls.decoded(node))


class TaskFilters(Filters):
    """What `query_tasks` selects. Each filter names one value or several; None selects all.

    `text` matches tasks whose content has all its words, as whole words. The ranges of time are
    half-open: after <= time < before.
    """

    method = "query_tasks"

    status: OneOrMore[TaskStatus] = Field((), description="Any of these")
    agent_id: OneOrMore[Name] = Field((), description="Of these agents")
    task_type: OneOrMore[Name] = Field((), description="Of these types")
    priority: OneOrMore[TaskPriority] = Field((), description="Of these priorities")
    requirement: OneOrMore[Name] = Field((), description="Skills, any of them")
    workflow_id: OneOrMore[Name] = Field((), description="Of these workflows")
    created_after: Moment | None = Field(None, description="From then")
    created_before: Moment | None = Field(None, description="Before then")
    finished_after: Moment | None = Field(None, description="From then")
    finished_before: Moment | None = Field(None, description="Before then")
    text: Content | None = Field(None, description="Whole words of the content, all")

    if TYPE_CHECKING:  # callers may give more types than the fields have

        def __init__(
            self,
            *,
            status: TaskStatus | str | Iterable[TaskStatus | str] | None = None,
            agent_id: str | Iterable[str] | None = None,
            task_type: str | Iterable[str] | None = None,
            priority: TaskPriority | str | Iterable[TaskPriority | str] | None = None,
            requirement: str | Iterable[str] | None = None,
            workflow_id: str | Iterable[str] | None = None,
            created_after: datetime | None = None,
            created_before: datetime | None = None,
            finished_after: datetime | None = None,
            finished_before: datetime | None = None,
            text: str | None = None,
        ) -> None: ...


class TaskPage(Page[Task, str | None]):
    """Some tasks, oldest first, and the cursor of the next page; None: this is the last page."""
