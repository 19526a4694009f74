"""Schedules, which create tasks again and again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field, JsonValue

from graph_orch.domain.models.base import Model


class Schedule(Model):
    """Recurring work: at each tick of `cron` a task is created."""

    name: str
    cron: str = Field(description="Five fields as cron(8) has them, or six with the seconds first")
    timezone: str = Field(description="The timezone of the ticks, such as Europe/Berlin")
    paused: bool
    task: dict[str, JsonValue] = Field(description="The arguments of create_task")
    created_at: datetime
    next_at: datetime | None = Field(None, description="The next tick, UTC; None while paused")
    last_at: datetime | None = Field(None, description="The last tick that created a task, UTC")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `schedule`, the node's properties."""
        node = record["schedule"]
        return cls(**cls.decoded(node) | {"task": json.loads(node["template"])})
