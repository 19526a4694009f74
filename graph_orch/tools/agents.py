"""The tools for agents."""

from __future__ import annotations

from asyncio import to_thread
from collections import Counter
from typing import Annotated, Any

from pydantic import Field

from graph_orch.domain.fields import NEW_SKILLS, SKILLS
from graph_orch.domain.forms import skill_key
from graph_orch.domain.models import Agent, AgentHealth
from graph_orch.errors import AgentNotFoundError, NotAllowedError, ValidationError
from graph_orch.tools import parameters as p
from graph_orch.tools.answers import (
    AgentCondition,
    AgentConditions,
    AgentRecord,
    CapableAgent,
    CapableAgents,
)
from graph_orch.tools.call import Call


async def register_agent(
    call: Call,
    agent_id: p.AgentId,
    capabilities: p.Capabilities | None = None,
    max_concurrent: p.MaxConcurrent | None = None,
    metadata: p.Metadata | None = None,
    learn: Annotated[list[str] | None, p.names("Skills to add")] = None,
    forget: Annotated[list[str] | None, p.names("Skills to take away")] = None,
    confidence: p.Confidence = 1,
) -> AgentRecord:
    """Register an agent, or change one: what is not given stays; capabilities replace all."""
    # These are checked before anything changes, since each skill is a command of its own.
    learned, forgotten = NEW_SKILLS.of("learn", learn or ()), SKILLS.of("forget", forget or ())
    agent = await call.orch.agents.get_agent(agent_id)
    if not (call.caller.is_known or call.caller.has_store):
        has = set[str]() if agent is None else {*agent.skills}
        named = (*learned, *SKILLS.of("capabilities", capabilities or ()))
        gained = {skill_key(name) for name in named}
        guarded = await call.orch.agents.guarded_skills()
        if refused := [it for it in guarded if skill_key(it) in gained - has]:
            raise NotAllowedError(
                f"the skill {refused[0]!r} is guarded: nobody gives it to an agent but an "
                "administrator, with a token of its own or by graph-orch agent learn"
            )
    if agent is None and capabilities is None:
        if learned or forgotten:
            raise AgentNotFoundError(agent_id)
        raise ValidationError("register_agent: a new agent needs capabilities: its skills")
    if agent is None or not (capabilities is None and max_concurrent is None and metadata is None):
        if capabilities is None:
            capabilities = [] if agent is None else agent.capabilities
        agent = await call.orch.agents.register_agent(
            agent_id, capabilities, metadata, max_concurrent_tasks=max_concurrent
        )
    for skill in learned:
        agent = await call.orch.agents.learn_new_capability(agent_id, skill, confidence)
    for skill in forgotten:
        agent = await call.orch.agents.forget_capability(agent_id, skill)
    return AgentRecord.of(agent)


async def update_agent_performance(
    call: Call,
    agent_id: p.AgentId,
    success: Annotated[bool, p.about("Whether it went well")],
    duration_ms: p.Duration,
    metrics: Annotated[dict[str, Any] | None, Field(description="Other numbers")] = None,
    command_id: p.CommandId | None = None,
) -> AgentRecord:
    """Count work done outside the queue; complete_task and fail_task count by themselves."""
    agent = await call.orch.agents.update_agent_performance(
        agent_id, success, duration_ms, metrics, command_id=command_id
    )
    return AgentRecord.of(agent)


async def get_agent_health(
    call: Call,
    agent_id: Annotated[str | None, p.text("Absent: all agents")] = None,
    limit: p.Rows = 50,
) -> AgentConditions:
    """How one agent or all are doing: load, success, skills."""
    if agent_id is None:
        agents = await call.orch.agents.list()
    else:
        agent = await call.orch.agents.get_agent(agent_id)
        if agent is None:
            raise AgentNotFoundError(agent_id)
        agents = [agent]
    return await to_thread(_conditions, agents, limit)


async def find_capable_agents(
    call: Call,
    capabilities: p.Capabilities,
    available_only: Annotated[bool, p.about("Only with a free slot")] = False,
    limit: p.Rows = 20,
) -> CapableAgents:
    """The agents that have all these skills, best first."""
    ids = await call.orch.router.find_capable(capabilities)
    ranked = await call.orch.router.rank_candidates(ids)
    unknown = {} if ids else await call.orch.monitor.unknown_skills(capabilities)
    found = [
        CapableAgent(agent_id=agent_id, score=round(score, 4))
        for agent_id, score in ranked
        if score > 0 or not available_only
    ]
    return CapableAgents(agents=found[:limit], unknown_skills=unknown)


async def deregister_agent(
    call: Call, agent_id: p.AgentId, command_id: p.CommandId | None = None
) -> AgentRecord:
    """Remove an agent: what it holds returns to pending, its history stays."""
    agent = await call.orch.agents.deregister_agent(agent_id, command_id=command_id)
    return AgentRecord.of(agent)


def _conditions(agents: list[Agent], limit: int) -> AgentConditions:
    rates = [agent.success_rate for agent in agents]
    holders = Counter(name for agent in agents for name in agent.capabilities)
    return AgentConditions(
        agents=[
            AgentCondition.of(AgentHealth.of(agent.agent_id, agent)) for agent in agents[:limit]
        ],
        total_agents=len(agents),
        avg_success_rate=sum(rates) / len(rates) if rates else 1.0,
        skills=dict(sorted(holders.items(), key=lambda item: skill_key(item[0]))),
    )
