"""Findings about tasks: why they wait, and what is delayed if a task fails or an agent leaves.

Task ids are those of the graph that was asked: strings in the store, and any hashable value in a
NetworkX graph.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import Field

from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.domain.models.base import Model

Id = TypeVar("Id")


class WaitKind(StrEnum):
    """The kinds of reasons why a task waits, or does not."""

    NOT_PENDING = "not_pending"  # an agent holds it or it has ended, so it does not wait
    READY = "ready"  # an agent with all its skills has a free slot
    DEPENDENCY = "dependency"  # another task must be completed first
    GATE = "gate"  # somebody must decide or answer first
    CYCLE = "cycle"  # it waits for itself, through others
    MISSING_SKILL = "missing_skill"  # no agent has a skill that it requires
    NO_CAPABLE_AGENT = "no_capable_agent"  # agents have every skill, but none has all
    AGENTS_FULL = "agents_full"  # the agents that could take it have no free slot
    AGENTS_EXCLUDED = "agents_excluded"  # agents that could take it may not try it again
    NO_WORKER = "no_worker"  # the agents have workers, of which no live one handles its type
    NOT_DUE = "not_due"  # its available_at is to come
    RETRY_DELAY = "retry_delay"  # the pause before its next try lasts
    BUDGET = "budget"  # a budget that pays for it has not enough left
    PAUSED = "paused"  # the queue, its type or its workflow is paused
    AGENTS_PAUSED = "agents_paused"  # the agents that could take it are paused
    RATE_LIMIT = "rate_limit"  # none with its concurrency key may begin yet
    CONCURRENCY_LIMIT = "concurrency_limit"  # the limit of its concurrency key is reached
    FALLBACK = "fallback"  # it has other requirements later, which an agent may meet
    DEADLINE_PASSED = "deadline_passed"  # it fails when somebody next looks at the queue
    MISCOUNTED = "miscounted"  # its counter names dependencies that do not exist
    UNKNOWN = "unknown"  # the graph that was asked lacks the facts to tell


class WaitReason(Model, Generic[Id]):
    """One reason, as a sentence and as values."""

    kind: WaitKind
    task_id: Id = Field(description="The task that waits: the one asked about, or a dependency")
    sentence: str
    status: TaskStatus | None = Field(None, description="The dependency's status")
    agents: list[str] = Field(
        default_factory=list[str],
        description="The agents that hold it, are full, may not try it again, or have no worker "
        "for it: the first 20 by id",
    )
    agent_count: int = Field(0, description="How many agents these are in all")
    skills: list[str] = Field(
        default_factory=list[str], description="The missing skills, or those that do later"
    )
    until: datetime | None = Field(None, description="When it is due, or its deadline")
    cycle: list[Id] = Field([], description="The ids of a cycle, which ends with its first")


class WhyBlocked(Model, Generic[Id]):
    """Why nobody works on a task.

    Where the task waits for others, `reasons` begins with its roots: the unmet dependencies,
    direct or not, that wait for no other task. Failed and cancelled ones come first, and each is
    followed by its own reasons. The reasons that hold for the task itself come last.
    """

    task_id: Id
    status: TaskStatus
    is_waiting: bool = Field(description="False where it is ready, held, or has ended")
    reasons: list[WaitReason[Id]]
    root_count: int = Field(0, description="All roots; reasons has as many as were asked for")

    @property
    def roots(self) -> list[Id]:
        """The ids of the unmet dependencies that wait for no other."""
        return [it.task_id for it in self.reasons if it.kind is WaitKind.DEPENDENCY]

    @property
    def kinds(self) -> set[WaitKind]:
        """The kinds of all reasons."""
        return {it.kind for it in self.reasons}


class BlastRadius(Model, Generic[Id]):
    """The tasks that a task's failure would affect: all downstream of it that have not ended."""

    task_id: Id
    by_depth: dict[int, list[Id]] = Field(description="By the number of edges away, from 1")
    waits: list[Id] = Field(description="Those that wait until it is retried, nearest first")
    cancelled: list[Id] = Field(description="Those that are cancelled, nearest first")
    seconds: float = Field(description="The work of all of them")

    @property
    def affected(self) -> list[Id]:
        """The ids of all of them, nearest first."""
        return [task_id for ids in self.by_depth.values() for task_id in ids]


class AgentBlastRadius(Model, Generic[Id]):
    """The tasks that an agent's leaving would affect."""

    agent_id: str
    held: list[Id] = Field(description="Those that it holds, which another agent must redo")
    only_it: list[Id] = Field(description="Those, held or pending, that no other agent can do")
    by_depth: dict[int, list[Id]] = Field(
        description="Those that depend on these, by the number of edges away, from 1"
    )
    seconds: float = Field(description="The work of all of them")

    @property
    def affected(self) -> list[Id]:
        """The ids of all of them: held and only_it first, then by distance."""
        own = dict.fromkeys([*self.held, *self.only_it])
        return [*own, *(task_id for ids in self.by_depth.values() for task_id in ids)]
