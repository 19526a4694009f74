"""Statuses, commands and the transitions between them: their only home.

    PENDING ──assign──▶ ASSIGNED ──start──▶ RUNNING ──complete──▶ COMPLETED
       ▲                   │                   │
       ├──release, suspend, fail───────────────┤   (fail: while retries are left)
       │                                       └──fail──▶ FAILED
       └──────────────retry──── FAILED, CANCELLED ◀──cancel── any live status

    ASSIGNED, RUNNING ──reassign──▶ ASSIGNED, to another agent

BLOCKED is not a status: a pending task is blocked while `unmet > 0`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any


class TaskStatus(StrEnum):
    """Where a task is in its life. The values are stored in the graph as they stand."""

    PENDING = "pending"  # by create, release, retry, and by fail while retries are left
    ASSIGNED = "assigned"  # by assign
    RUNNING = "running"  # by start
    COMPLETED = "completed"  # by complete; never left again
    FAILED = "failed"  # by fail, when retries are used up or not wanted
    CANCELLED = "cancelled"  # by cancel, and by the failure of a dependency


class TaskPriority(StrEnum):
    """How urgent a task is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 is served first."""
        return list(TaskPriority).index(self)


class DependencyFailure(StrEnum):
    """What a task does when one of its dependencies fails or is cancelled."""

    WAIT = "wait"
    CANCEL = "cancel"


class Command(StrEnum):
    """What can be asked of an existing task."""

    ASSIGN = "assign"
    REASSIGN = "reassign"
    START = "start"
    COMPLETE = "complete"
    FAIL = "fail"
    RELEASE = "release"
    SUSPEND = "suspend"
    CANCEL = "cancel"
    RETRY = "retry"
    ADD_DEPENDENCY = "add_dependency"
    UPDATE = "update"


class EventType(StrEnum):
    """What a `:TaskEvent` records; one for each transition."""

    CREATED = "created"
    ASSIGNED = "assigned"
    STARTED = "started"
    COMPLETED = "completed"
    TRY_FAILED = "try_failed"  # failed, and back to pending
    FAILED = "failed"
    RELEASED = "released"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    DEPENDENCY_ADDED = "dependency_added"
    UPDATED = "updated"
    RATED = "rated"  # somebody said how good the work of a try was


class ErrorClass(StrEnum):
    """What kind of error ended a try, and so what follows."""

    TRANSIENT = "transient"  # tried again while retries are left
    PERMANENT = "permanent"  # not tried again
    CAPABILITY = "capability"  # tried again, by another agent; counts against nobody
    BUDGET = "budget"  # the money or the tokens are used up: not tried again; counts against nobody

    @property
    def is_blameless(self) -> bool:
        """Whether it is nobody's failure, and so leaves an agent's success_rate as it was."""
        return self in (ErrorClass.CAPABILITY, ErrorClass.BUDGET)

    @property
    def is_tried_again(self) -> bool:
        """Whether another try may succeed, while retries are left."""
        return self in (ErrorClass.TRANSIENT, ErrorClass.CAPABILITY)


class TryOutcome(StrEnum):
    """How a try of a task ended. The values are stored in the graph as they stand."""

    COMPLETED = "completed"
    FAILED = "failed"  # by fail
    EXPIRED = "expired"  # its lease ran out
    TIMED_OUT = "timed_out"  # it was not done in the time that the task had for it
    RELEASED = "released"  # given back unharmed, or its task was given to another agent
    SUSPENDED = "suspended"  # its handler waits for something
    CANCELLED = "cancelled"  # with its task


class HealthStatus(StrEnum):
    """How an agent is doing; see `AgentHealth` for the thresholds."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    SATURATED = "saturated"
    NOT_FOUND = "not_found"


LIVE = frozenset({TaskStatus.PENDING, TaskStatus.ASSIGNED, TaskStatus.RUNNING})
"""The statuses from which a task still moves by itself."""

ENDED = tuple(status for status in TaskStatus if status not in LIVE)
"""The statuses in which a task is finished."""

HELD = frozenset({TaskStatus.ASSIGNED, TaskStatus.RUNNING})
"""The statuses in which a task takes up one of an agent's slots."""

BROKEN = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED})
"""The statuses of a dependency that must be retried before what depends on it can run."""


def has_status(attributes: Mapping[str, Any], statuses: Collection[TaskStatus]) -> bool:
    """Whether what a task says of its status is one of these; what is no text is none."""
    status: object = attributes.get("status")
    return isinstance(status, str) and status in statuses


def _each(
    statuses: Collection[TaskStatus], *to: TaskStatus
) -> dict[TaskStatus, frozenset[TaskStatus]]:
    return {status: frozenset(to) for status in TaskStatus if status in statuses}


TRANSITIONS: dict[Command, dict[TaskStatus, frozenset[TaskStatus]]] = {
    Command.ASSIGN: _each({TaskStatus.PENDING}, TaskStatus.ASSIGNED),
    Command.REASSIGN: _each(HELD, TaskStatus.ASSIGNED),
    Command.START: _each({TaskStatus.ASSIGNED}, TaskStatus.RUNNING),
    Command.COMPLETE: _each({TaskStatus.RUNNING}, TaskStatus.COMPLETED),
    Command.FAIL: _each(HELD, TaskStatus.PENDING, TaskStatus.FAILED),
    Command.RELEASE: _each(HELD, TaskStatus.PENDING),
    Command.SUSPEND: _each(HELD, TaskStatus.PENDING),
    Command.CANCEL: _each(LIVE, TaskStatus.CANCELLED),
    Command.RETRY: _each(BROKEN, TaskStatus.PENDING),
    # To cancelled where the new dependency has failed and the task is to be cancelled by that.
    Command.ADD_DEPENDENCY: _each({TaskStatus.PENDING}, TaskStatus.PENDING, TaskStatus.CANCELLED),
    Command.UPDATE: {status: frozenset({status}) for status in TaskStatus if status in LIVE},
}
"""For each command, the statuses that it starts from and those it can end in."""


EVENTS: dict[Command, frozenset[EventType]] = {
    Command.ASSIGN: frozenset({EventType.ASSIGNED}),
    Command.REASSIGN: frozenset({EventType.ASSIGNED}),
    Command.START: frozenset({EventType.STARTED}),
    Command.COMPLETE: frozenset({EventType.COMPLETED}),
    Command.FAIL: frozenset({EventType.TRY_FAILED, EventType.FAILED}),
    Command.RELEASE: frozenset({EventType.RELEASED}),
    Command.SUSPEND: frozenset({EventType.SUSPENDED}),
    Command.CANCEL: frozenset({EventType.CANCELLED}),
    Command.RETRY: frozenset({EventType.RETRIED}),
    Command.ADD_DEPENDENCY: frozenset({EventType.DEPENDENCY_ADDED}),
    Command.UPDATE: frozenset({EventType.UPDATED}),
}
"""The event that each command leaves; it bears the command's id."""


def allowed_from(command: Command) -> tuple[TaskStatus, ...]:
    """The statuses in which `command` is allowed, in the order of the lifecycle."""
    return tuple(TRANSITIONS[command])
