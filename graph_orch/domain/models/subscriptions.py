"""Subscriptions to events, and what is told elsewhere of the tasks of these."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field, JsonValue

from graph_orch.domain.models.base import Model


class Subscription(Model):
    """Which events somebody wants, and how far these have been read."""

    name: str
    pattern: str = Field(description="EVENTS:TASK_TYPES, such as completed:research/*")
    workflow_id: str | None = Field(None, description="Only of its tasks")
    agent_id: str | None = Field(None, description="Only what this agent did, or got")
    team_id: str | None = Field(None, description="Only what its members did, or got")
    skill: str | None = Field(None, description="Only of tasks that require it; its key")
    where: list[str] = Field(default=[], description="Conditions that must hold")
    deliver: str = Field(
        "inbox", description="inbox: until it is read; or webhook, trigger, or broker"
    )
    position: int = Field(description="All up to this place in the log are acknowledged")
    behind: int = Field(0, description="Places of the log after it, whether they match or not")
    created_at: datetime
    reader: str | None = Field(None, description="Who follows it, or did last")
    lease_until: datetime | None = Field(None, description="Until when nobody else reads it")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `subscription` and `last`, the end of the log."""
        values = cls.decoded(record["subscription"])
        return cls(**values | {"behind": max(0, record["last"] - values["position"])})


class EventTask(Model):
    """What is told elsewhere of an event's task, as it is when it is told."""

    task_id: str
    task_type: str
    workflow_id: str | None = None
    name: str | None = Field(None, description="Its name in its workflow")
    result: JsonValue = Field(None, description="What its work gave; None: nothing yet")
    left_out: bool = Field(False, description="Whether its result is too long to be told")
    metadata: JsonValue = Field(None, description="There only where it may hold a traceparent")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `task` and `left_out`."""
        return cls.stored(cls.decoded(record["task"]) | {"left_out": record["left_out"]})
