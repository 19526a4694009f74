"""The monitor: the health of the whole, and recommendations that would improve it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from graph_orch._async.agents import AsyncAgentRegistry
from graph_orch._async.graph import AsyncGraph, Rows
from graph_orch._async.insights import AsyncInsights
from graph_orch._async.router import AsyncCapabilityRouter
from graph_orch._async.schema import AsyncSchema
from graph_orch._async.skills import HELD_LOOKED_AT, AsyncSkills
from graph_orch._async.tasks import AsyncTaskQueue
from graph_orch.domain.fields import LIMIT, NAME, NAMES, TASK_ID, Check, Listed
from graph_orch.domain.forms import skill_key
from graph_orch.domain.lifecycle import HealthStatus
from graph_orch.domain.models import (
    Agent,
    Recommendation,
    RecommendationKind,
    SystemHealth,
)
from graph_orch.domain.models.workflows import ABANDONED_SECONDS, STARTER
from graph_orch.domain.recommendations import (
    MOST_OF_A_KIND,
    agents_excluded,
    blocked_by_failed,
    blocked_by_gates,
    broken_off,
    budgets_spent,
    extremes,
    leases_expire,
    load_skew,
    low_success,
    missing_skills,
    nearest,
    no_free_agent,
    of_trigger,
    problems_of,
    single_holders,
    standing_still,
    undecided,
    webhooks_disabled,
)
from graph_orch.errors import TaskNotFoundError
from graph_orch.store.runtime import async_in_thread

KINDS: Check[list[RecommendationKind]] = Check(Listed[RecommendationKind])
OF_LANES = {
    RecommendationKind.MISSING_SKILL,
    RecommendationKind.AGENTS_EXCLUDED,
    RecommendationKind.NO_FREE_AGENT,
}
"""What is judged by the lanes with ready tasks."""
BLOCKED_LOOKED_AT = 10_000
TRIED_LOOKED_AT = 1_000
"""How many blocked tasks, and how many of those tried last, are read at most."""
GATES_LOOKED_AT = 1_000
WORKFLOWS_LOOKED_AT = 1_000
"""How many open gates, and how many of the newest workflows, are read at most."""
FAILED_TOLD = 3
"""How many of the triggers are told that failed."""
REASONS = 3
"""How many of the reasons are told for which a workflow stands still."""
BEGINNING = 6
"""How many characters of a task id must be right for ids like it to be found."""


class AsyncMonitor:
    """Looks at the whole of a graph."""

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph
        self._skills = AsyncSkills(graph)
        self._tasks = AsyncTaskQueue(graph)
        self._agents = AsyncAgentRegistry(graph)
        self._insights = AsyncInsights(graph)

    async def get_health(self) -> SystemHealth:
        """Whether the store answers, how fast, and what stands still."""
        began = time.perf_counter()
        (store,) = await self._graph.read("monitor/store")
        latency_ms = (time.perf_counter() - began) * 1000
        queue = await self._tasks.get_queue_statistics()
        agents = (await self._agents.get_agent_statistics()).total_agents
        workers = await self._agents.list_workers()
        routing = await AsyncCapabilityRouter(self._graph).get_routing_statistics()
        failed = await self._graph.read("monitor/triggers", limit=FAILED_TOLD)
        problems = [
            *problems_of(queue, agents, routing.unroutable_count, workers),
            *map(of_trigger, failed),
        ]
        return SystemHealth(
            status=HealthStatus.DEGRADED if problems else HealthStatus.HEALTHY,
            store=f"{store['name']} {store['version']} {store['edition']}",
            schema_version=await AsyncSchema(self._graph).version(),
            latency_ms=round(latency_ms, 3),
            agents=agents,
            live_workers=sum(worker.is_live for worker in workers),
            ready_count=queue.ready_count,
            held_count=queue.assigned_count + queue.running_count,
            unroutable_count=routing.unroutable_count,
            oldest_ready_age_seconds=queue.oldest_ready_age_seconds,
            problems=problems,
        )

    async def get_recommendations(
        self, kinds: Collection[RecommendationKind] | None = None, limit: int = 20
    ) -> list[Recommendation]:
        """What is wrong and what would mend it, the most urgent first, in a stable order.

        Args:
            kinds: Only these; None: all.
            limit: How many at most; of one kind there are never more than ten.
        """
        wanted = list(RecommendationKind) if kinds is None else KINDS.of("kinds", kinds)
        found: list[Recommendation] = []
        agents = await self._agents.list()
        guarded = {skill_key(name) for name in await self._agents.guarded_skills()}
        lanes: Rows = []
        if OF_LANES.intersection(wanted):
            lanes = await self._graph.read("monitor/backlog")
        for kind in RecommendationKind:
            if kind in wanted:
                each = await self._recommend(kind, agents, guarded, lanes)
                found += await async_in_thread(_first, each, MOST_OF_A_KIND)
        return found[: LIMIT.of("limit", limit)]

    async def count_untried_failures(self) -> int:
        """How many tasks failed without a try, because nobody took them in time."""
        return (await self._graph.read("monitor/untried"))[0]["number"]

    async def nearest_agents(self, agent_id: str) -> list[str]:
        """The ids of registered agents that resemble an unknown one."""
        (row,) = await self._graph.read("routing/all_agents")
        return await async_in_thread(nearest, NAME.of("agent_id", agent_id), row["agent_ids"])

    async def nearest_tasks(self, task_id: str) -> list[str]:
        """The ids of tasks that begin like an unknown one."""
        beginning = TASK_ID.of("task_id", task_id)[:BEGINNING]
        if len(beginning) < BEGINNING:
            return []
        rows = await self._graph.read("monitor/alike", beginning=beginning)
        return [row["task_id"] for row in rows]

    async def unknown_skills(self, skills: Iterable[str]) -> dict[str, list[str]]:
        """The skills that nobody has, each with the names of held skills that resemble it."""
        return await self._skills.unknown(NAMES.of("skills", skills))

    async def held_skills(self, limit: int = HELD_LOOKED_AT) -> list[str]:
        """The names of the first `limit` skills that somebody has, in order."""
        return await self._skills.held(LIMIT.of("limit", limit))

    async def _recommend(
        self, kind: RecommendationKind, agents: list[Agent], guarded: set[str], lanes: Rows
    ) -> Iterable[Recommendation]:
        match kind:
            case RecommendationKind.MISSING_SKILL:
                return missing_skills(lanes, agents, guarded)
            case RecommendationKind.AGENTS_EXCLUDED:
                return agents_excluded(lanes, agents, guarded)
            case RecommendationKind.NO_FREE_AGENT:
                return no_free_agent(lanes, agents)
            case RecommendationKind.BUDGET_SPENT:
                return budgets_spent(await self._graph.read("monitor/budgets"))
            case RecommendationKind.WEBHOOK_DISABLED:
                return webhooks_disabled(
                    await self._graph.read("monitor/disabled", limit=MOST_OF_A_KIND)
                )
            case RecommendationKind.LEASES_EXPIRE:
                return leases_expire(
                    await self._graph.read("monitor/expired", look=TRIED_LOOKED_AT)
                )
            case RecommendationKind.LOW_SUCCESS:
                return low_success(agents)
            case RecommendationKind.LOAD_SKEW:
                return await self._load_skew(agents, guarded)
            case RecommendationKind.SINGLE_HOLDER:
                return single_holders(agents, guarded)
            case _:
                return await self._held_back(kind)

    async def _held_back(self, kind: RecommendationKind) -> Iterable[Recommendation]:
        """What keeps tasks waiting, whatever agents there are."""
        match kind:
            case RecommendationKind.WAITS_FOR_DECISION:
                return undecided(await self._gates())
            case RecommendationKind.START_BROKEN_OFF:
                limits = {"look": WORKFLOWS_LOOKED_AT, "seconds": ABANDONED_SECONDS}
                return broken_off(await self._graph.read("monitor/broken_off", **limits))
            case RecommendationKind.WORKFLOW_STANDS_STILL:
                return await self._standing_still()
            case _:
                return [*blocked_by_gates(await self._gates()), *await self._blocked()]

    async def _blocked(self) -> Iterable[Recommendation]:
        """Go from tasks that block others up to what failed first, one level with each read."""
        rows = await self._graph.read("monitor/blocked", look=BLOCKED_LOOKED_AT)
        causes: dict[str, Mapping[str, Any]] = {}
        wanted = {row["task_id"] for row in rows}
        while wanted:
            found = await self._graph.read("monitor/causes", task_ids=sorted(wanted))
            causes |= {row["task_id"]: row for row in found}
            wanted = {row["cause"] for row in found} - causes.keys() - {None}
        return blocked_by_failed(rows, causes)

    async def _gates(self) -> Rows:
        return await self._graph.read(
            "monitor/gates", look=GATES_LOOKED_AT, limit=2 * MOST_OF_A_KIND, starter=STARTER
        )

    async def _standing_still(self) -> list[Recommendation]:
        found: list[Recommendation] = []
        for row in await self._graph.read(
            "monitor/still", look=WORKFLOWS_LOOKED_AT, limit=MOST_OF_A_KIND
        ):
            with suppress(TaskNotFoundError):  # deleted between the two reads
                why = await self._insights.why_blocked(row["first"], REASONS)
                found.append(standing_still(row, why.reasons[:REASONS]))
        return found

    async def _load_skew(self, agents: list[Agent], guarded: set[str]) -> list[Recommendation]:
        found = await async_in_thread(extremes, agents)
        if found is None:
            return []
        busy, idle = found
        rows = await self._graph.read(
            "monitor/movable", agent_id=busy.agent_id, other_id=idle.agent_id
        )
        return [load_skew(busy, idle, rows[0]["task_id"] if rows else None, guarded)]


def _first(found: Iterable[Recommendation], number: int) -> list[Recommendation]:
    """The first `number` of what is found. With thousands of agents finding each takes time."""
    return list(islice(found, number))
