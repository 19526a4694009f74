"""What happened to tasks: events, tries, and the record of both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import JsonValue

from graph_orch.domain.lifecycle import EventType
from graph_orch.domain.models.base import Model, Page, moment, some_moment
from graph_orch.domain.models.tasks import Task
from graph_orch.domain.values import load_json


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
        # What the store found out stands in properties; what a client told is JSON.
        found = {name: node[name] for name in ("dependency", "error", "reason") if name in node}
        return cls(
            event_id=node["event_id"],
            task_id=node["task_id"],
            type=EventType(node["type"]),
            at=some_moment(node["at"]),
            attempt=node["attempt"],
            agent_id=node.get("agent_id"),
            command_id=node["command_id"],
            detail=found or load_json(node.get("detail")),
            position=node.get("position"),
        )


class TaskTry(Model):
    """One try of a task, as the edge to its agent has it. `duration_ms` is None if not started.

    One that failed, expired or timed out says whether it is `blameless`: nobody's failure, and so
    not counted as its agent's. Of others this is None.
    `traceback` is where a worker's handler failed: at most 8,000 characters, without the values of
    variables and the passwords of URIs.
    """

    attempt: int
    agent_id: str
    worker_id: str | None = None
    assigned_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    error: str | None = None
    traceback: str | None = None
    duration_ms: float | None = None
    blameless: bool | None = None

    @classmethod
    def from_record(cls, edge: Mapping[str, Any]) -> Self:
        """From the edge's properties with the `agent_id`."""
        values = {name: edge.get(name) for name in cls.model_fields}
        values |= {name: moment(edge.get(name)) for name in _TRY_MOMENTS}
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


class EventPage(Page[TaskEvent, int]):
    """Some events in the order of the log, and the cursor from which to read on."""
