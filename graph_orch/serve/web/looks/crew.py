"""The agents with their skills, one agent, and the workers."""

from __future__ import annotations

from collections.abc import Mapping

from graph_orch.domain.lifecycle import HELD
from graph_orch.serve.web.asked import Asked, Screen, Seen
from graph_orch.serve.web.drawing import draw_skills

MOST_AGENTS, MOST_SKILLS = 100, 40
"""Rows and columns of the matrix of agents and skills."""
ROWS = 50
MOST_DRAWN = 30
"""Agents and skills that are drawn as a graph."""
MOST_PENDING = 2_000
"""Pending tasks among which those are counted that an agent alone can do: all of them are read."""


async def agents(asked: Asked) -> Seen:
    """The agents by name, a matrix of who has which skill, and how many hold each skill."""
    all_agents = await asked.orch.agents.get_agent_statistics()
    wanted = asked.text("q") or None
    found = await asked.orch.agents.list(containing=wanted, limit=MOST_AGENTS + 1)
    holders = all_agents.skill_distribution
    shown = {name for it in found for name in it.capabilities} if wanted else holders
    skills = sorted(shown, key=lambda name: (-holders.get(name, 0), name))
    return {
        "agents": found[:MOST_AGENTS],
        "is_more": len(found) > MOST_AGENTS,
        "agent_count": all_agents.total_agents,
        "skills": [{"name": it, "holders": holders.get(it, 0)} for it in skills[:MOST_SKILLS]],
        "skill_count": len(skills),
        "single": [name for name in skills if holders.get(name) == 1][:MOST_SKILLS],
        "teams": await asked.orch.teams.list(),
        "paused": await _paused(asked),
        "drawing": draw_skills(found[:MOST_DRAWN], skills[:MOST_DRAWN]),
        "q": asked.text("q"),
    }


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
        "only_it_count": await _count_only_it(asked, key),
    }


async def _count_only_it(asked: Asked, key: str) -> int | None:
    """How many tasks nobody else can do; None where that would read too many."""
    queue = await asked.orch.tasks.get_queue_statistics()
    if queue.pending_count > MOST_PENDING:
        return None
    return len((await asked.orch.insights.agent_blast_radius(key)).only_it)


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
