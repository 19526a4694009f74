"""The tools for routing, and for the state of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from graph_orch.domain.models import SystemHealth
from graph_orch.errors import AgentNotFoundError
from graph_orch.tools import parameters as p
from graph_orch.tools.answers import (
    QueueNumbers,
    Recommendations,
    Route,
    RoutingNumbers,
)
from graph_orch.tools.call import Call


async def route_task(
    call: Call,
    task_id: p.TaskId,
    exclude_agents: p.ExcludeAgents | None = None,
    dispatch: Annotated[bool, p.about("Assign it too")] = False,
    lease_seconds: p.Lease | None = None,
    command_id: p.CommandId | None = None,
) -> Route:
    """Choose the best agent for a task: all its skills, a free slot, success * (1 - load)."""
    router = call.orch.router
    if dispatch:
        agent_id = await router.dispatch_task(
            task_id, exclude_agents, lease_seconds=lease_seconds, command_id=command_id
        )
    else:
        agent_id = await router.route_task(task_id, exclude_agents)
    return Route(
        task_id=task_id,
        agent_id=agent_id,
        dispatched=dispatch and agent_id is not None,
        reason="" if agent_id else await _why_nobody(call, task_id, exclude_agents or ()),
    )


async def get_routing_stats(
    call: Call, agent_id: Annotated[str | None, p.text("Only this agent")] = None
) -> RoutingNumbers:
    """How often tasks were given to each agent, and how many ready ones nobody can take."""
    found = await call.orch.router.get_routing_statistics()
    by_agent = found.by_agent
    if agent_id is not None:
        if agent_id not in by_agent and await call.orch.agents.get_agent(agent_id) is None:
            raise AgentNotFoundError(agent_id)
        by_agent = {agent_id: by_agent.get(agent_id, 0)}
    return RoutingNumbers(
        routed_count=found.routed_count,
        unroutable_count=found.unroutable_count,
        assignment_rate=found.assignment_rate,
        should_rebalance=await call.orch.router.should_rebalance(),
        by_agent=by_agent,
    )


async def get_queue_metrics(call: Call) -> QueueNumbers:
    """The queue in numbers: counts by status, success, age of the oldest ready task."""
    found = await call.orch.tasks.get_queue_statistics()
    return QueueNumbers.of(found)


async def get_health(call: Call) -> SystemHealth:
    """Whether the store answers, who works, and whether anything stands still."""
    return await call.orch.monitor.get_health()


async def get_recommendations(
    call: Call, kinds: p.Kinds | None = None, limit: p.Rows = 20
) -> Recommendations:
    """What is wrong, the numbers that say so, and the tool call that would mend it."""
    found = await call.orch.monitor.get_recommendations(kinds, limit)
    return Recommendations(recommendations=found)


async def _why_nobody(call: Call, task_id: str, excluded: Iterable[str]) -> str:
    task = await call.orch.tasks.get_task(task_id)
    capable = await call.orch.router.find_capable(task.requirements)
    if not capable:
        return f"no agent has all of: {', '.join(task.requirements) or 'nothing'}; register one"
    excluded = {*excluded, *(task.excluded_agents or ())}
    left = [agent_id for agent_id in capable if agent_id not in excluded]
    if not left:
        return f"all {len(capable)} capable agents are excluded: register or teach another" + (
            ", or cancel the task and then retry it" if task.excluded_agents else ""
        )
    return f"{len(left)} capable agents, none has a free slot; try again when one is free"
