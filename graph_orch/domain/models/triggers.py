"""Triggers, and what they did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

import pydantic
from pydantic import Field, JsonValue

from graph_orch.domain.fields import Deadline, Name, OneOrMore
from graph_orch.domain.models.base import Model, moment, some_moment

MOST_COUNTED = 1_000


class ForEach(StrEnum):
    """By what events are told apart: those of each value are counted, or awaited, by themselves."""

    TASK_ID = "task_id"
    TASK_TYPE = "task_type"
    WORKFLOW_ID = "workflow_id"
    AGENT_ID = "agent_id"
    TEAM_ID = "team_id"
    SKILL = "skill"


class When(Model):
    """When the events that a trigger is on make it fire; without it each does."""

    count: Annotated[int, Field(strict=True, ge=1, le=MOST_COUNTED)] | None = Field(
        None, description="At each so manieth event, then it counts from 0 again"
    )
    expect: Name | None = Field(
        None, description="A pattern: fires where no such event comes in `within_seconds`"
    )
    within_seconds: Deadline | None = Field(
        None, description="How far apart counted events may be, or how long one is waited for"
    )
    for_each: OneOrMore[ForEach] = Field(
        (), description="By what events are told apart; one without it is passed over"
    )
    every_seconds: Annotated[float, Field(ge=1, le=31_536_000, allow_inf_nan=False)] | None = Field(
        None, description="How often recommendations are asked for"
    )

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [it for it in ("count", "expect", "every_seconds") if getattr(self, it) is not None]
        if len(ways) != 1:
            raise ValueError("give one of count, expect and every_seconds")
        if self.expect is not None and self.within_seconds is None:
            raise ValueError("expect: give within_seconds too: how long the event is waited for")
        if self.every_seconds is not None and (self.within_seconds or self.for_each):
            raise ValueError("every_seconds stands alone")
        return self


class TriggerAction(StrEnum):
    """What a trigger does when it fires."""

    CREATE = "create"  # creates tasks
    START_WORKFLOW = "start_workflow"
    OPEN_GATE = "open_gate"  # decides a gate
    CANCEL = "cancel"  # cancels tasks, or a workflow
    PAUSE = "pause"  # pauses an agent, a workflow, a type of tasks or the queue
    POST = "post"  # posts to a webhook
    CALL = "call"  # calls a function that a process has registered


class FiringStatus(StrEnum):
    """How far a trigger is with one firing."""

    PENDING = "pending"  # to be done, or tried again at `due_at`
    DONE = "done"
    FAILED = "failed"  # it was tried often enough, or cannot be done; `error` says why
    STOPPED = "stopped"  # too many triggers stand behind what it fired on


class Trigger(Model):
    """What happens when events come, or fail to come."""

    name: str
    on: str = Field(description="EVENTS:TASK_TYPES, or recommendation:KINDS")
    workflow_id: str | None = Field(None, description="Only on events of its tasks")
    agent_id: str | None = Field(None, description="Only on what this agent did, or got")
    team_id: str | None = Field(None, description="Only on what its members did, or got")
    skill: str | None = Field(None, description="Only of tasks that require it; its key")
    where: list[str] = Field(default=[], description="Conditions that must hold")
    when: When | None = Field(None, description="None: each event makes it fire")
    action: TriggerAction
    template: JsonValue = Field(description="What the action takes, with places to be filled")
    max_depth: int = Field(description="It stops where so many triggers stand behind an event")
    position: int = Field(description="All events up to this place in the log are evaluated")
    behind: int = Field(0, description="Places of the log after it, whether they match or not")
    created_at: datetime
    fired: int = Field(0, description="How often it fired")
    fired_at: datetime | None = Field(None, description="When it fired last, UTC")
    pending: int = Field(0, description="Firings that are still to be done")
    failed: int = Field(0, description="Firings that failed, or were stopped")
    error: str | None = Field(None, description="Why the last one that failed did")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `trigger`, the node's properties, and what `triggers/list` adds."""
        node = record["trigger"]
        last = record.get("last") or 0
        return cls(
            name=node["name"],
            on=node["pattern"],
            workflow_id=node.get("workflow_id"),
            agent_id=node.get("agent_id"),
            team_id=node.get("team_id"),
            skill=node.get("skill"),
            where=node.get("where") or [],
            when=When.parsed("when", json.loads(node["when"])) if node.get("when") else None,
            action=TriggerAction(node["action"]),
            template=json.loads(node["template"]),
            max_depth=node["max_depth"],
            position=node["position"],
            behind=max(0, last - node["position"]),
            created_at=some_moment(node["created_at"]),
            fired=node.get("fired") or 0,
            fired_at=moment(node.get("fired_at")),
            pending=record.get("pending") or 0,
            failed=record.get("failed") or 0,
            error=record.get("error"),
        )


class Firing(Model):
    """One firing of a trigger: on which event, and what came of it."""

    key: str = Field(description="trigger:NAME:POSITION, the idempotency key of what it makes")
    trigger: str
    position: int = Field(description="The event that made it fire; what it waited after")
    event_id: str | None = None
    at: datetime = Field(description="When it fired, UTC")
    group: list[str] = Field([], description="The values of for_each")
    status: FiringStatus
    tries: int = Field(0, description="How often it was tried to be done")
    due_at: datetime | None = Field(None, description="When it is tried next, UTC")
    depth: int | None = Field(None, description="Triggers in a row, this one included")
    made: list[str] = Field([], description="Ids of what it made or changed, the first 100")
    error: str | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `firing`, the node's properties."""
        node = dict(record["firing"])
        node["group"] = json.loads(node.get("values") or "[]")
        node["made"] = node.get("made") or []
        return cls(**cls.decoded(node))


class TriggerMatch(Model):
    """A firing as it would have been."""

    position: int
    at: datetime = Field(description="When the event came, or the wait for one ended, UTC")
    task_id: str
    group: list[str]
