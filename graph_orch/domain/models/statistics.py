"""Statistics of the queue and of routing, and the report of the integrity check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import pydantic
from pydantic import Field, JsonValue

from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.domain.models.base import Model


class QueueStatistics(Model):
    """The queue in numbers. A pending task is ready, blocked or delayed."""

    pending_count: int = 0
    ready_count: int = Field(0, description="Pending tasks that wait for nothing but an agent")
    blocked_count: int = Field(0, description="Pending tasks that wait for dependencies")
    delayed_count: int = Field(0, description="Pending tasks whose available_at is to come")
    assigned_count: int = 0
    running_count: int = 0
    completed_count: int = 0
    failed_count: int = 0
    cancelled_count: int = 0
    avg_execution_time_ms: float = Field(0.0, description="Mean milliseconds of completed tasks")
    oldest_ready_age_seconds: float | None = Field(None, description="None: no task is ready")

    @classmethod
    def from_record(cls, row: Mapping[str, Any]) -> Self:
        """From a row of `tasks/statistics`."""
        counted = ("blocked", "delayed", *TaskStatus)
        return cls(
            **{f"{name}_count": row[name] for name in counted},
            ready_count=row["pending"] - row["blocked"] - row["delayed"],
            avg_execution_time_ms=row["duration_ms"] / row["timed"] if row["timed"] else 0.0,
            oldest_ready_age_seconds=row["oldest_ready_age_seconds"],
        )

    @pydantic.computed_field
    @property
    def success_rate(self) -> float:
        """Completed among completed and failed tasks; 1.0 where there are none."""
        finished = self.completed_count + self.failed_count
        return self.completed_count / finished if finished else 1.0

    def total_count(self) -> int:
        """The number of all tasks."""
        return self.active_count() + self.completed_count + self.failed_count + self.cancelled_count

    def active_count(self) -> int:
        """The number of tasks that have not ended: pending, assigned or running."""
        return self.pending_count + self.assigned_count + self.running_count


class RoutingStatistics(Model):
    """Statistics of routing."""

    routed_count: int = Field(description="Assignments so far")
    unroutable_count: int = Field(description="Ready tasks that no agent can take")
    by_agent: dict[str, int] = Field(description="Assignments of each agent, also of removed ones")

    @pydantic.computed_field
    @property
    def assignment_rate(self) -> float:
        """Routed among routed and unroutable; 1.0 where there are none."""
        wanted = self.routed_count + self.unroutable_count
        return self.routed_count / wanted if wanted else 1.0


class Finding(Model):
    """An inconsistency that the integrity check found, in a counter or an edge."""

    check: str = Field(description="The name of the check")
    node: str = Field(description="The node with the inconsistency")
    expected: JsonValue = None
    found: JsonValue = None

    @classmethod
    def from_record(cls, check: str, row: Mapping[str, Any]) -> Self:
        """From a row of a check."""
        return cls(check=check, node=row["node"], expected=row["expected"], found=row["found"])


class DoctorReport(Model):
    """The report of `doctor`."""

    findings: list[Finding]
    repaired: int = Field(0, description="How many of the findings it repaired")

    @property
    def is_sound(self) -> bool:
        """Whether there are no findings, or all of them were repaired."""
        return self.repaired == len(self.findings)
