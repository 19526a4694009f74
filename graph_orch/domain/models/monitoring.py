"""What the monitor reports: the system's health, and recommendations."""

from __future__ import annotations

from enum import StrEnum

from pydantic import JsonValue

from graph_orch.domain.lifecycle import HealthStatus
from graph_orch.domain.models.base import Model


class RecommendationKind(StrEnum):
    """The subject of a recommendation, the most urgent first."""

    BLOCKED_BY_FAILED = "blocked_by_failed"  # a failed dependency blocks tasks
    WAITS_FOR_DECISION = "waits_for_decision"  # tasks wait at a gate until somebody decides
    START_BROKEN_OFF = "start_broken_off"  # a workflow is half-written, and nobody writes it
    WORKFLOW_STANDS_STILL = "workflow_stands_still"  # it has tasks left, and all are blocked
    MISSING_SKILL = "missing_skill"  # ready tasks need skills that no agent has
    AGENTS_EXCLUDED = "agents_excluded"  # every agent with their skills may not try them again
    NO_FREE_AGENT = "no_free_agent"  # ready tasks wait, and no capable agent has a free slot
    BUDGET_SPENT = "budget_spent"  # a budget has too little left for ready tasks
    WEBHOOK_DISABLED = "webhook_disabled"  # a webhook sends nothing until somebody enables it
    LEASES_EXPIRE = "leases_expire"  # an agent's leases often expire
    LOW_SUCCESS = "low_success"  # an agent fails often
    LOAD_SKEW = "load_skew"  # two agents' utilizations differ by more than 0.5
    SINGLE_HOLDER = "single_holder"  # only one agent has a skill


class ToolCall(Model):
    """A tool call that is ready to be made."""

    tool: str
    arguments: dict[str, JsonValue]


class Recommendation(Model):
    """What is wrong, the numbers that show it, and the tool call that mends it."""

    kind: RecommendationKind
    what: str
    why: dict[str, JsonValue]
    call: ToolCall


class SystemHealth(Model):
    """The system at a glance. It is healthy where `problems` is empty."""

    # Descriptions of these fields would go into the tool's schema, which every client reads.
    status: HealthStatus
    store: str
    """The server's name, version and edition."""
    schema_version: int | None
    """None: nothing is stored yet."""
    latency_ms: float
    """How long a trivial query took."""
    agents: int
    live_workers: int
    ready_count: int
    held_count: int
    unroutable_count: int
    oldest_ready_age_seconds: float | None = None
    problems: list[str]
