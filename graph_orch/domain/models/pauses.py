"""Pauses: what is not given out for a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from graph_orch.domain.models.base import Model


class Pause(Model):
    """Something of which nothing is given out; what is held goes on."""

    what: str = Field(description="queue, task_type:NAME, workflow:ID or agent:ID")
    at: datetime = Field(description="When it was paused, UTC")
    until: datetime | None = Field(None, description="When it goes on by itself, UTC; None: never")
    reason: str | None = Field(None, description="Why")
    by: str | None = Field(None, description="Who; None for an agent: its circuit breaker")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `pause`."""
        pause = record["pause"]
        return cls(**cls.decoded(pause) | {"what": pause["key"]})

    @property
    def sentence(self) -> str:
        """Since when, by whom, why, and what lets it go on."""
        by = f" by {self.by!r}" if self.by else ""
        until = f" until {self.until}" if self.until else ""
        reason = f" ({self.reason})" if self.reason else ""
        return (
            f"{self.what} is paused{by} since {self.at}{until}{reason}; "
            f"pauses.remove({self.what!r}) or `graph-orch resume {self.what}` lets it go on"
        )
