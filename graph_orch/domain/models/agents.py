"""Agents, how they do, and the processes that work for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import JsonValue

from graph_orch.domain.lifecycle import HealthStatus
from graph_orch.domain.models.base import Model, moment, some_moment
from graph_orch.domain.values import (
    load_json,
    skill_key,
)


class Agent(Model):
    """A registered agent."""

    agent_id: str
    capabilities: list[str]
    max_concurrent_tasks: int = 5
    active_tasks: int = 0
    total_completed: int = 0
    total_failed: int = 0
    success_rate: float = 1.0
    avg_completion_ms: float = 0.0
    registered_at: datetime
    last_seen_at: datetime
    last_assigned_at: datetime | None = None
    metadata: JsonValue = None

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
        return cls(
            agent_id=node["agent_id"],
            capabilities=[names.get(key, key) for key in node["skills"]],
            registered_at=some_moment(node["registered_at"]),
            last_seen_at=some_moment(node["last_seen_at"]),
            last_assigned_at=moment(node.get("last_assigned_at")),
            metadata=load_json(node.get("metadata")),
            **{name: node[name] for name in _AGENT_NUMBERS},
        )


_AGENT_NUMBERS = (
    "max_concurrent_tasks",
    "active_tasks",
    "total_completed",
    "total_failed",
    "success_rate",
    "avg_completion_ms",
)


def utilization(active: int, limit: int) -> float:
    """Held tasks as a share of the slots; full where there are no slots."""
    return active / limit if limit > 0 else 1.0


def quality(success_rate: float, active: int, limit: int) -> float:
    """What candidates are ranked by: success_rate * (1 - min(utilization, 1))."""
    return success_rate * (1 - min(utilization(active, limit), 1.0))


class WorkerInfo(Model):
    """A worker process. It lives while it was seen within three of its `beat_seconds`.

    `task_types` are those that it has handlers for; None: every type.
    `lingering` of its `concurrency` places are taken by handlers that go on though their tasks were
    cancelled or timed out: a thread ends only when its handler returns.
    """

    worker_id: str
    agent_id: str
    hostname: str
    pid: int
    concurrency: int
    beat_seconds: float
    started_at: datetime
    last_seen_at: datetime
    is_live: bool
    task_ids: list[str]
    task_types: list[str] | None = None
    lingering: int = 0

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row of `workers/list`."""
        node = record["worker"]
        names = ("worker_id", "agent_id", "hostname", "pid", "concurrency", "beat_seconds")
        return cls(
            **{name: node[name] for name in names},
            started_at=some_moment(node["started_at"]),
            last_seen_at=some_moment(node["last_seen_at"]),
            is_live=record["is_live"],
            task_ids=record["task_ids"],
            task_types=node.get("task_types"),
            lingering=node.get("lingering", 0),
        )


class AgentHealth(Model):
    """How an agent is doing.

    Saturated at utilization >= 1; degraded below a success rate of 0.8 over at least 5 finished
    tasks; not_found where no such agent is registered; healthy otherwise.
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
        """The health of an agent, as it was read."""
        if agent is None:
            return cls(agent_id=agent_id, status=HealthStatus.NOT_FOUND, success_rate=0.0)
        return cls(
            status=_health(agent),
            **agent.model_dump(include=set(cls.model_fields) - {"status", "utilization"}),
            utilization=agent.utilization,
        )


def _health(agent: Agent) -> HealthStatus:
    if agent.utilization >= 1:
        return HealthStatus.SATURATED
    finished = agent.total_completed + agent.total_failed
    if finished >= DEGRADED_AFTER and agent.success_rate < DEGRADED_BELOW:
        return HealthStatus.DEGRADED
    return HealthStatus.HEALTHY


DEGRADED_BELOW = 0.8
DEGRADED_AFTER = 5


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
        return cls(**{name: node[name] for name in cls.model_fields})


class AgentStatistics(Model):
    """All registered agents together. `load` is sorted by agent_id."""

    total_agents: int
    avg_success_rate: float
    skill_distribution: dict[str, int]
    load: list[AgentLoad]


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
