"""Agents, their health, and the processes that work for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field, JsonValue

from graph_orch.domain.fields import Deadline, Slots
from graph_orch.domain.forms import skill_key
from graph_orch.domain.lifecycle import HealthStatus
from graph_orch.domain.models.base import Model


class CircuitBreaker(Model):
    """When an agent that keeps failing is paused, and for how long.

    After the pause it is tried with one task at a time, until one succeeds; where that fails, it is
    paused again. Where a try ends with a `retry_after`, which a provider may have asked for, the
    agent is paused for that long at once.
    """

    failures: Slots = Field(5, description="Tries that failed, one after the other")
    pause_seconds: Deadline = Field(60.0, description="How long it is paused")


class Agent(Model):
    """A registered agent."""

    agent_id: str = Field(description="Its id, chosen by who registered it")
    capabilities: list[str] = Field(description="The names of its skills")
    max_concurrent_tasks: int = Field(5, description="Slots: tasks that it may hold at once")
    active_tasks: int = Field(0, description="Tasks that it holds now, assigned or running")
    total_completed: int = Field(0, description="Tries that it completed")
    total_failed: int = Field(0, description="Tries that failed and count against it")
    success_rate: float = Field(1.0, description="Completed among completed and failed tries")
    avg_completion_ms: float = Field(0.0, description="Mean milliseconds of a completed try")
    registered_at: datetime = Field(description="When it was first registered, UTC")
    last_seen_at: datetime = Field(description="When it last did something, UTC")
    last_assigned_at: datetime | None = Field(None, description="When it last got a task, UTC")
    metadata: JsonValue = Field(None, description="What its owner keeps with it")
    labels: list[str] | None = Field(None, description='What it is besides, such as "region=eu"')
    paused_at: datetime | None = Field(None, description="Since when it is paused, UTC")
    paused_until: datetime | None = Field(None, description="Until when it is, or was last")
    paused_reason: str | None = Field(None, description="Why it is, or was last")
    failures_in_row: int = Field(0, description="Since a success, if it has a circuit breaker")
    circuit_breaker: CircuitBreaker | None = Field(None, description="When failures pause it")

    @property
    def utilization(self) -> float:
        """Tasks held as a share of the slots: 0 is idle, 1 is full."""
        return utilization(self.active_tasks, self.max_concurrent_tasks)

    @property
    def skills(self) -> list[str]:
        """The keys of its skills, as they are compared."""
        return [skill_key(name) for name in self.capabilities]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `agent` (the node's properties) and `names` ([key, name] of skills)."""
        node, names = record["agent"], dict(record["names"])
        capabilities = [names.get(key, key) for key in node["skills"]]
        breaker = None
        if node.get("breaker_failures") is not None:
            breaker = CircuitBreaker(
                failures=node["breaker_failures"], pause_seconds=node["breaker_seconds"]
            )
        own = {"capabilities": capabilities, "circuit_breaker": breaker}
        return cls(**cls.decoded(node) | own)


def utilization(active: int, limit: int) -> float:
    """Held tasks as a share of the slots; full where there are no slots."""
    return active / limit if limit > 0 else 1.0


def quality(success_rate: float, active: int, limit: int) -> float:
    """The number that ranks candidates: success_rate * (1 - min(utilization, 1)), from 0 to 1."""
    return success_rate * (1 - min(utilization(active, limit), 1.0))


class WorkerInfo(Model):
    """A worker process."""

    worker_id: str = Field(description="The id that it chose at its start")
    agent_id: str = Field(description="The agent for which it works")
    hostname: str = Field(description="The machine on which it runs")
    pid: int = Field(description="Its process id there")
    concurrency: int = Field(description="Tasks that it runs at once")
    beat_seconds: float = Field(description="Seconds between its heartbeats")
    started_at: datetime = Field(description="When it started, UTC")
    last_seen_at: datetime = Field(description="When it last sent a heartbeat, UTC")
    is_live: bool = Field(description="Whether it was seen within three times beat_seconds")
    task_ids: list[str] = Field(description="The tasks that it holds")
    task_types: list[str] | None = Field(None, description="Those it has handlers for; None: all")
    slots: int | None = Field(None, description="Slots of its own; None: those of its agent")
    schemas: JsonValue = Field(None, description="By task type: input, and output, as JSON schemas")
    lingering: int = Field(0, description="Places taken by handlers of tasks that have ended")
    """Of its `concurrency` places: a thread cannot be stopped, and so goes on until its handler
    returns, even after its task was cancelled or timed out."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row of `workers/list`."""
        values = cls.decoded(record["worker"])
        return cls(**values | {name: record[name] for name in ("is_live", "task_ids")})


class AgentHealth(Model):
    """How an agent is doing.

    It is saturated at a utilization of 1 or more, degraded at a success rate below 0.8 over at
    least 5 finished tries, not_found where no such agent is registered, and healthy otherwise.
    The other fields are those of `Agent`.
    """

    agent_id: str
    status: HealthStatus
    success_rate: float = 1.0
    utilization: float = 0.0
    active_tasks: int = 0
    max_concurrent_tasks: int = 0
    total_completed: int = 0
    total_failed: int = 0
    avg_completion_ms: float = 0.0
    last_seen_at: datetime | None = None

    @classmethod
    def of(cls, agent_id: str, agent: Agent | None) -> Self:
        """The health of an agent as it was read; None where it is not registered."""
        if agent is None:
            return cls(agent_id=agent_id, status=HealthStatus.NOT_FOUND, success_rate=0.0)
        finished, status = agent.total_completed + agent.total_failed, HealthStatus.HEALTHY
        if agent.utilization >= 1:
            status = HealthStatus.SATURATED
        elif finished >= DEGRADED_AFTER and agent.success_rate < DEGRADED_BELOW:
            status = HealthStatus.DEGRADED
        return cls(
            status=status,
            **agent.model_dump(include=set(cls.model_fields) - {"status", "utilization"}),
            utilization=agent.utilization,
        )


DEGRADED_BELOW = 0.8
DEGRADED_AFTER = 5
"""An agent is degraded below this success rate, over at least this many finished tries."""


class AgentLoad(Model):
    """How many of an agent's slots are taken."""

    agent_id: str
    active_tasks: int
    max_concurrent_tasks: int

    @property
    def utilization(self) -> float:
        """Tasks held as a share of the slots."""
        return utilization(self.active_tasks, self.max_concurrent_tasks)

    @classmethod
    def from_record(cls, node: Mapping[str, Any]) -> Self:
        """From an agent's properties."""
        return cls(**cls.decoded(node))


class AgentStatistics(Model):
    """All registered agents together."""

    total_agents: int
    avg_success_rate: float = Field(description="Mean over the agents")
    skill_distribution: dict[str, int] = Field(description="How many agents have each skill")
    load: list[AgentLoad] = Field(description="Of each agent, by agent_id")


class Candidate(Model):
    """An agent that could take a task, with the numbers that rank it."""

    agent_id: str
    success_rate: float
    active_tasks: int
    max_concurrent_tasks: int

    @property
    def score(self) -> float:
        """quality = success_rate * (1 - min(utilization, 1))."""
        return quality(self.success_rate, self.active_tasks, self.max_concurrent_tasks)
