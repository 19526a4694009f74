"""What the monitor says: the health of the whole, and what would mend what is wrong."""

from __future__ import annotations

from enum import StrEnum

from pydantic import JsonValue

from graph_orch.domain.lifecycle import HealthStatus
from graph_orch.domain.models.base import Model


class RecommendationKind(StrEnum):
    """What a recommendation is about, the most urgent first."""

    BLOCKED_BY_FAILED = "blocked_by_failed"  # a failed dependency blocks tasks
    MISSING_SKILL = "missing_skill"  # ready tasks need what no agent has
    AGENTS_EXCLUDED = "agents_excluded"  # every agent with their skills may not try them again
    NO_FREE_AGENT = "no_free_agent"  # ready tasks wait, and no capable agent has a free slot
    LEASES_EXPIRE = "leases_expire"  # an agent often lets its leases run out
    LOW_SUCCESS = "low_success"  # an agent fails often
    LOAD_SKEW = "load_skew"  # utilizations differ by more than 50 %
    SINGLE_HOLDER = "single_holder"  # one agent only has a skill


class ToolCall(Model):
    """A call of a tool, ready to be made."""

    tool: str
    arguments: dict[str, JsonValue]


class Recommendation(Model):
    """What is wrong, the numbers that say so, and the call that would mend it."""

    kind: RecommendationKind
    what: str
    why: dict[str, JsonValue]
    call: ToolCall


class SystemHealth(Model):
    """The whole at a glance. It is healthy where `problems` is empty."""

    status: HealthStatus
    store: str
    schema_version: int | None
    latency_ms: float
    agents: int
    live_workers: int
    ready_count: int
    held_count: int
    unroutable_count: int
    oldest_ready_age_seconds: float | None = None
    problems: list[str]
