"""What is found out about tasks: why they wait, and what slips where one fails or an agent goes.

Ids are those of the graph that was asked: strings in ours, any hashable in somebody else's.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.domain.models.base import Model


class WaitKind(StrEnum):
    """Why a task waits, or that it does not."""

    NOT_PENDING = "not_pending"  # it is held or has ended, so it does not wait
    READY = "ready"  # an agent with all its skills has a free slot
    DEPENDENCY = "dependency"  # another task must be completed first
    CYCLE = "cycle"  # it waits for itself, through others
    MISSING_SKILL = "missing_skill"  # nobody has a skill that it requires
    NO_CAPABLE_AGENT = "no_capable_agent"  # every skill is held, but no agent has all
    AGENTS_FULL = "agents_full"  # whoever could take it has no free slot
    AGENTS_EXCLUDED = "agents_excluded"  # whoever could take it is excluded
    NO_WORKER = "no_worker"  # whoever could take it has workers, but none that handles its type
    NOT_DUE = "not_due"  # its available_at is to come
    RETRY_DELAY = "retry_delay"  # the pause before its next try
    CONCURRENCY_LIMIT = "concurrency_limit"  # as many with its key are held as may be
    DEADLINE_PASSED = "deadline_passed"  # it will fail as soon as somebody looks at the queue
    MISCOUNTED = "miscounted"  # it counts dependencies that are not there
    UNKNOWN = "unknown"  # what was asked does not hold what would tell


class WaitReason(Model):
    """One reason, in a sentence and in parts.

    Args:
        task_id: Whose reason it is: of the task that was asked about, or of one it waits for.
        status: For a dependency: its status.
        agents: Who holds the dependency, is full, is excluded, or has no worker for it: the first
            20 by id.
        agent_count: How many these are in all.
        skills: The skills that are missing.
        until: When it is due, or was to be.
        cycle: The ids of a cycle, the first again at the end.
    """

    kind: WaitKind
    task_id: Any
    sentence: str
    status: TaskStatus | None = None
    agents: list[str] = Field(default_factory=list[str])
    agent_count: int = 0
    skills: list[str] = Field(default_factory=list[str])
    until: datetime | None = None
    cycle: list[Any] = Field(default_factory=list[Any])


class WhyBlocked(Model):
    """Why a task is not being worked on.

    Where it waits for others, `reasons` begins with the unmet dependencies that wait for no other
    (`root_count` of them in all, failed and cancelled first, as many as were asked for), each
    followed by why it waits itself; what would keep the task back even without them comes last.
    """

    task_id: Any
    status: TaskStatus
    is_waiting: bool
    reasons: list[WaitReason]
    root_count: int = 0

    @property
    def roots(self) -> list[Any]:
        """The ids of the unmet dependencies that wait for no other."""
        return [it.task_id for it in self.reasons if it.kind is WaitKind.DEPENDENCY]

    @property
    def kinds(self) -> set[WaitKind]:
        """The kinds of all reasons."""
        return {it.kind for it in self.reasons}


class BlastRadius(Model):
    """What is not done where a task fails: every task downstream that has not ended.

    `by_depth` has them by how many steps away they are, from 1; each is in `cancelled` (it is
    cancelled at once) or in `waits` (until what failed is retried), in that same order. `seconds`
    is their work in all.
    """

    task_id: Any
    by_depth: dict[int, list[Any]]
    waits: list[Any]
    cancelled: list[Any]
    seconds: float

    @property
    def affected(self) -> list[Any]:
        """All of them, the nearest first."""
        return [task_id for ids in self.by_depth.values() for task_id in ids]


class AgentBlastRadius(Model):
    """What slips where an agent goes.

    `held` are the tasks that it holds: somebody else must do them again. `only_it` are those,
    held by it or pending, that no other agent can do. `by_depth` is what depends on any of
    these, by how many steps away; `seconds` is the work of all together.
    """

    agent_id: str
    held: list[Any]
    only_it: list[Any]
    by_depth: dict[int, list[Any]]
    seconds: float

    @property
    def affected(self) -> list[Any]:
        """All of them: its own first, then the nearest."""
        own = dict.fromkeys([*self.held, *self.only_it])
        return [*own, *(task_id for ids in self.by_depth.values() for task_id in ids)]
