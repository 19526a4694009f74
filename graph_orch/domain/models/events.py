"""The history of tasks: events, tries, and the record of both; the steps of handlers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from pydantic import Field, JsonValue

from graph_orch.domain.forms import load_json
from graph_orch.domain.lifecycle import EventType, TryOutcome
from graph_orch.domain.models.base import Model, Page, some_moment
from graph_orch.domain.models.budgets import BILLIONTHS
from graph_orch.domain.models.tasks import Task


class TaskEvent(Model):
    """One transition of a task, as the audit trail has it."""

    event_id: str
    task_id: str
    type: EventType
    at: datetime = Field(description="By the server's clock, UTC")
    attempt: int = Field(description="The attempt during which it happened; 0 before the first")
    agent_id: str | None = Field(None, description="The agent that held, or got, the task")
    command_id: str = Field(description="The id of the command that caused it")
    detail: JsonValue = Field(None, description="What else is known, such as the error")
    position: int | None = Field(None, description="Its place in the log of all events")
    """None until somebody reads the log: places are given after the commit, see decision 5."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `event`, the node's properties."""
        event = record["event"]
        # What a statement found out is in properties of the event; what a client sent is JSON.
        found = {name: event[name] for name in ("dependency", "error", "reason") if name in event}
        return cls(**cls.decoded(event) | ({"detail": found} if found else {}))


class TaskTry(Model):
    """One try of a task, as the edge to its agent has it."""

    attempt: int = Field(description="Its number, from 1")
    agent_id: str = Field(description="The agent that held the task")
    worker_id: str | None = Field(None, description="The worker process that held it")
    assigned_at: datetime = Field(description="When the agent got the task, UTC")
    started_at: datetime | None = Field(None, description="When the work began, UTC")
    ended_at: datetime | None = Field(None, description="When the try ended, UTC")
    outcome: TryOutcome | None = Field(None, description="How it ended; None: it has not")
    error: str | None = Field(None, description="Why it failed")
    traceback: str | None = Field(None, description="Where a worker's handler failed")
    """At most 8,000 characters, without the values of variables and the passwords of URIs."""
    duration_ms: float | None = Field(None, description="Milliseconds of work; None: not started")
    blameless: bool | None = Field(None, description="Whether a failure counts against nobody")
    """None for tries that did not fail, expire or time out."""
    tokens: int | None = Field(None, description="Tokens that were recorded of it")
    cost: Decimal | None = Field(None, description="Money that was recorded of it")
    score: float | None = Field(None, description="How good its work was, 0 to 1, as last rated")
    rated_by: str | None = Field(None, description="Who rated it")
    rated_at: datetime | None = Field(None, description="When it was rated, UTC")
    comment: str | None = Field(None, description="What was said of its work")

    @classmethod
    def from_record(cls, edge: Mapping[str, Any]) -> Self:
        """From the edge's properties with the `agent_id`."""
        tokens, billionths = edge.get("used") or (None, None)
        cost = (Decimal(billionths) / BILLIONTHS).normalize() + 0 if billionths else None
        return cls.stored(cls.decoded(edge) | {"tokens": tokens or None, "cost": cost})


class Step(Model):
    """What a step of a handler gave. A later try of the task reads it, and does not run it."""

    key: str = Field(description="Its kind, its name, and which of that name in the handler it is")
    result: JsonValue = None
    at: datetime = Field(description="When it was kept, UTC")
    duration_ms: float | None = Field(None, description="Milliseconds that it took")
    attempt: int = Field(description="The try that kept it")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a step of a row of `tasks/steps`."""
        return cls.stored(
            {**record, "result": load_json(record["result"]), "at": some_moment(record["at"])}
        )


class TaskRecord(Task):
    """A task with its history."""

    tries: list[TaskTry] = Field(description="Its tries, the first one first")
    events: list[TaskEvent] = Field(description="Its transitions, the first one first")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row like a task's with `tries` and `events`."""
        task = Task.from_record(record)
        events = [TaskEvent.from_record({"event": event}) for event in record["events"] if event]
        tries = [TaskTry.from_record(edge) for edge in record["tries"]]
        return cls.stored(dict(task) | {"tries": tries, "events": events})


class EventPage(Page[TaskEvent, int]):
    """Some events in the order of the log, and the cursor with which the next page begins."""
