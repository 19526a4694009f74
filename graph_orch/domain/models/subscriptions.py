"""Subscriptions to events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field

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
    deliver: str = Field("inbox", description="inbox: until it is read; webhook: to a URL; trigger")
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
