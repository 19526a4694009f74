"""The queue and the routing in numbers, and the report of the integrity check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import pydantic
from pydantic import JsonValue

from graph_orch.domain.models.base import Model


class QueueStatistics(Model):
    """The queue in numbers. blocked, delayed and ready are parts of pending."""

    pending_count: int = 0
    ready_count: int = 0
    blocked_count: int = 0
    delayed_count: int = 0
    assigned_count: int = 0
    running_count: int = 0
    completed_count: int = 0
    failed_count: int = 0
    cancelled_count: int = 0
    avg_execution_time_ms: float = 0.0
    oldest_ready_age_seconds: float | None = None

    @classmethod
    def from_record(cls, row: Mapping[str, Any]) -> Self:
        """From a row of `tasks/statistics`."""
        counts = {f"{name}_count": row[name] for name in _COUNTED}
        return cls(
            **counts,
            ready_count=row["pending"] - row["blocked"] - row["delayed"],
            avg_execution_time_ms=row["duration_ms"] / row["timed"] if row["timed"] else 0.0,
            oldest_ready_age_seconds=row["oldest_ready_age_seconds"],
        )

    @pydantic.computed_field
    @property
    def success_rate(self) -> float:
        """Completed among completed and failed; 1.0 with no history."""
        finished = self.completed_count + self.failed_count
        return self.completed_count / finished if finished else 1.0

    def total_count(self) -> int:
        """All tasks."""
        return self.active_count() + self.completed_count + self.failed_count + self.cancelled_count

    def active_count(self) -> int:
        """Tasks that still move by themselves: pending, assigned or running."""
        return self.pending_count + self.assigned_count + self.running_count


_COUNTED = (
    "pending",
    "blocked",
    "delayed",
    "assigned",
    "running",
    "completed",
    "failed",
    "cancelled",
)


class RoutingStatistics(Model):
    """How routing goes. `by_agent` counts the assignments of each agent, retired ones included."""

    routed_count: int
    unroutable_count: int
    by_agent: dict[str, int]

    @pydantic.computed_field
    @property
    def assignment_rate(self) -> float:
        """Assignments among these and the ready tasks that no agent can take; 1.0 with none."""
        wanted = self.routed_count + self.unroutable_count
        return self.routed_count / wanted if wanted else 1.0


class Finding(Model):
    """Something that the integrity check found: a counter or an edge that does not agree."""

    check: str
    node: str
    expected: JsonValue = None
    found: JsonValue = None

    @classmethod
    def from_record(cls, check: str, row: Mapping[str, Any]) -> Self:
        """From a row of a check."""
        return cls(check=check, node=row["node"], expected=row["expected"], found=row["found"])


class DoctorReport(Model):
    """What `doctor` found, and how many findings it repaired."""

    findings: list[Finding]
    repaired: int = 0

    @property
    def is_sound(self) -> bool:
        """Nothing was found, or all of it was repaired."""
        return self.repaired == len(self.findings)
