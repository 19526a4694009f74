"""The router: which agent should do a task. All its skills, a free slot, the best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from graph_orch._async.agents import AsyncAgentRegistry
from graph_orch._async.graph import AlreadyAppliedError, AsyncGraph
from graph_orch.domain.fields import LEASE, NAME, NAMES, TASK_ID, command_id_of
from graph_orch.domain.lifecycle import Command
from graph_orch.domain.models import Candidate, RoutingStatistics, Task
from graph_orch.domain.refusals import refuse, refuse_conflict
from graph_orch.errors import RoutingContentionError, TaskNotFoundError, TeamNotFoundError
from graph_orch.store.driving import native

TRIES = 20
"""How often dispatching chooses again when others fill the agent that was chosen."""
UNBALANCED = 0.5
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class AsyncCapabilityRouter:
    """Chooses agents by what they can do, how well they do it and how loaded they are.

    quality = success_rate * (1 - min(utilization, 1)), highest first; ties go to the agent that
    was given a task least recently, then to the lower agent_id.
    """

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph

    async def route_task(
        self,
        task_or_id: Task | str,
        exclude_agents: Sequence[str] | None = None,
        *,
        prefer_team: bool | str = False,
    ) -> str | None:
        """The best agent with all the required skills and a free slot; None where there is none.

        This only reads; `dispatch_task` assigns too.

        Args:
            prefer_team: Of those that qualify, the members of the task's team go before all others,
                however good those are. That is the team of this id; with True the one whose
                members completed most of the task's dependencies (ties: the lower team_id), and
                where that is none, nobody is preferred.

        Raises:
            TaskNotFoundError: there is no such task.
            TeamNotFoundError: there is no team of this id.
        """
        found = await self._candidates(
            _task_id(task_or_id), _excluded(exclude_agents), _preferred(prefer_team)
        )
        return found[0] if found else None

    async def find_capable(self, skills: Sequence[str]) -> list[str]:
        """The ids of the agents that have every skill, busy or not, in order."""
        return await AsyncAgentRegistry(self._graph).get_agents_by_capability(skills)

    async def rank_candidates(self, agent_ids: Sequence[str]) -> list[tuple[str, float]]:
        """(agent_id, quality) of these agents, best first; unknown ids are left out."""
        ids = list(dict.fromkeys(NAMES.of("agent_ids", agent_ids)))
        rows = await self._graph.read("routing/candidates", agent_ids=ids)
        ranked = sorted(_place(native(row)) for row in rows)
        return [(agent_id, -negated) for negated, _, agent_id in ranked]

    async def dispatch_task(
        self,
        task_or_id: Task | str,
        exclude_agents: Sequence[str] | None = None,
        *,
        lease_seconds: float | None = None,
        command_id: str | None = None,
        prefer_team: bool | str = False,
    ) -> str | None:
        """Route a task and assign it, in one transaction; the agent, None where there is none.

        Args:
            prefer_team: As for `route_task`.

        Raises:
            TaskNotFoundError: there is no such task.
            TeamNotFoundError: there is no team of this id.
            InvalidTransitionError: it is not pending.
            UnmetDependencyError: it waits for another task.
            TaskNotDueError: its time has not come.
            RoutingContentionError: others kept filling the agents that were chosen.
        """
        task_id, excluded = _task_id(task_or_id), _excluded(exclude_agents)
        team = _preferred(prefer_team)
        params = team | {
            "task_id": task_id,
            "exclude": excluded,
            "lease_seconds": LEASE.of("lease_seconds", lease_seconds),
            "command_id": command_id_of(command_id),
        }
        for _ in range(TRIES):
            agent_id = await self._dispatched(params)
            if agent_id is not None:
                return agent_id
            if not await self._candidates(task_id, excluded, team):
                return None
        raise RoutingContentionError(task_id, TRIES)

    async def should_rebalance(self) -> bool:
        """Whether the highest utilization exceeds the lowest by more than 50 %."""
        (row,) = await self._graph.read("routing/utilization_spread")
        return row["highest"] - row["lowest"] > UNBALANCED

    async def get_routing_statistics(self) -> RoutingStatistics:
        """How often each agent was given a task, and how many ready tasks nobody can take."""
        (row,) = await self._graph.read("routing/statistics")
        by_agent: dict[str, int] = dict(row["by_agent"])
        return RoutingStatistics(
            routed_count=sum(by_agent.values()),
            unroutable_count=row["unroutable"],
            by_agent=by_agent,
        )

    async def _candidates(
        self, task_id: str, excluded: list[str], team: dict[str, str | None]
    ) -> list[str]:
        name = "routing/route_in_team" if team else "routing/route"
        rows = await self._graph.read(name, task_id=task_id, exclude=excluded, limit=1, **team)
        if not rows:
            raise TaskNotFoundError(task_id)
        if team.get("team") is not None and rows[0]["team"] is None:
            raise TeamNotFoundError(str(team["team"]))
        return rows[0]["agent_ids"]

    async def _dispatched(self, params: dict[str, Any]) -> str | None:
        """The agent that the task was given to; None where it is worth another look."""
        try:
            name = "routing/dispatch_in_team" if "team" in params else "routing/dispatch"
            rows = await self._graph.write(name, **params)
        except AlreadyAppliedError:
            rows = ()
        if rows:
            return rows[0]["agent_id"]
        (row,) = await self._graph.read(
            "tasks/inspect",
            task_id=params["task_id"],
            agent_id=None,
            command_id=params["command_id"],
        )
        if row["event"] is not None:
            asked = {"command_id": params["command_id"]}
            refuse_conflict(Command.ASSIGN, params["task_id"], asked, row["event"])
            return row["event"]["agent_id"]
        refuse(Command.ASSIGN, params["task_id"], {}, row)
        return None


def _task_id(task_or_id: Task | str) -> str:
    given = task_or_id.task_id if isinstance(task_or_id, Task) else task_or_id
    return TASK_ID.of("task_or_id", given)


def _preferred(prefer_team: bool | str) -> dict[str, str | None]:
    """The parameter `team` of the statements that prefer one; none where nobody is preferred.

    They are statements of their own, so that those without a team read no more than they need.
    """
    if prefer_team is False:
        return {}
    return {"team": None if prefer_team is True else NAME.of("prefer_team", prefer_team)}


def _excluded(agent_ids: Sequence[str] | None) -> list[str]:
    return NAMES.of("exclude_agents", () if agent_ids is None else agent_ids)


def _place(row: Mapping[str, Any]) -> tuple[float, datetime, str]:
    """Where an agent stands among candidates: the smallest first."""
    candidate = Candidate(
        agent_id=row["agent_id"],
        success_rate=row["success_rate"],
        active_tasks=row["active_tasks"],
        max_concurrent_tasks=row["max_concurrent_tasks"],
    )
    return -candidate.score, row["last_assigned_at"] or NEVER, candidate.agent_id
