"""The agents with their skills, one agent, and the workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from graph_orch import Agent
from graph_orch.domain.lifecycle import HELD
from graph_orch.serve.web.asked import Asked, Screen, Seen
from graph_orch.serve.web.drawing import draw_skills

MOST_AGENTS, MOST_SKILLS = 100, 40
"""Rows and columns of the matrix of agents and skills."""
ROWS = 50
MOST_DRAWN = 30
"""Agents and skills that are drawn as a graph."""


async def agents(asked: Asked) -> Seen:
    """The agents by name, a matrix of who has which skill, and how many hold each skill."""
    wanted = asked.text("q").casefold()
    everybody = await asked.orch.agents.list()
    found = [it for it in everybody if wanted in _said_of(it)]
    holders = Counter(name for it in found for name in it.capabilities)
    skills = sorted(holders, key=lambda name: (-holders[name], name))
    return {
        "agents": found[:MOST_AGENTS],
        "found_count": len(found),
        "agent_count": len(everybody),
        "skills": [{"name": it, "holders": holders[it]} for it in skills[:MOST_SKILLS]],
        "skill_count": len(skills),
        "single": [name for name in skills if holders[name] == 1][:MOST_SKILLS],
        "teams": await asked.orch.teams.list(),
        "paused": await _paused(asked),
        "drawing": draw_skills(found[:MOST_DRAWN], skills[:MOST_DRAWN]),
        "q": asked.text("q"),
    }


def _said_of(agent: Agent) -> str:
    return "\n".join((agent.agent_id, *agent.capabilities, *(agent.labels or ()))).casefold()


async def _paused(asked: Asked) -> list[str]:
    """The ids of the agents that are paused."""
    pauses = await asked.orch.pauses.list()
    return [it.what.removeprefix("agent:") for it in pauses if it.what.startswith("agent:")]


async def agent(asked: Asked) -> Seen:
    """One agent: its load, what it holds, what it did, and what depends on it."""
    orch, key = asked.orch, asked.key
    health = await orch.agents.get_agent_health(key)
    found = await orch.agents.get_agent(health.agent_id)
    return {
        "agent": found,
        "is_paused": key in await _paused(asked),
        "health": health,
        "team": await orch.teams.get_team(key),
        "workers": [it for it in await orch.agents.list_workers() if it.agent_id == key],
        "held": await orch.tasks.query_tasks({"agent_id": key, "status": list(HELD)}, limit=ROWS),
        "latest": await orch.tasks.query_tasks({"agent_id": key}, limit=ROWS, newest_first=True),
        "leaving": await orch.insights.agent_blast_radius(key),
    }


async def workers(asked: Asked) -> Seen:
    """The worker processes, those that are alive first."""
    found = await asked.orch.agents.list_workers()
    return {"workers": sorted(found, key=lambda it: (not it.is_live, it.agent_id, it.worker_id))}


def _of_agent(asked: Asked) -> Mapping[str, str]:
    return {"agent": asked.key}


SCREENS = (
    Screen("/agents", "Agents", "agents.html", agents),
    Screen("/agents/{key:path}", "Agent", "agent.html", agent, False, events=_of_agent),
    Screen("/workers", "Workers", "workers.html", workers, events=None),
)
