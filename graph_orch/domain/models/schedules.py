"""Recurring work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import JsonValue

from graph_orch.domain.models.base import Model, moment, some_moment


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
            created_at=some_moment(node["created_at"]),
            next_at=moment(node.get("next_at")),
            last_at=moment(node.get("last_at")),
        )
