"""What slips where a task fails, or an agent goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graph_orch.analysis.tasks.agents import AgentSlots, agents_given, keys_of
from graph_orch.analysis.tasks.attributes import excluded_from
from graph_orch.analysis.tasks.graph import Duration, chosen, durations, known, nameable
from graph_orch.analysis.tasks.live import insights_of, kind_for_store
from graph_orch.domain.downstream import (
    Holdings,
    agent_blast_radius_of,
    blast_radius_of,
    dependents_of,
    slips,
)
from graph_orch.domain.lifecycle import HELD, TaskStatus, has_status
from graph_orch.domain.models import AgentBlastRadius, BlastRadius
from graph_orch.errors import AgentNotFoundError


def blast_radius(source: object, task_id: Any, duration: Duration = "estimated") -> BlastRadius:
    """What is not done where a task fails: all that depends on it, through others too.

    What has ended does not slip, and nothing slips through it. A pending task that asks for it
    (`on_dependency_failure="cancel"`) is cancelled if all between it and the failure are, and the
    rest waits. Where the graph tells no statuses, every task downstream is affected.

    Args:
        source: A graph (edges go from a task to what it depends on), or an orchestrator.
        duration: How work is counted, see `Duration`; an orchestrator knows "estimated" and
            "measured" only.

    Raises:
        TaskNotFoundError: the task is not there.
        ValidationError: the graph cannot hold tasks; a duration is no number.
    """
    insights = insights_of(source)
    if insights is not None:
        return insights.blast_radius(task_id, kind_for_store(duration))
    facts, dependencies = chosen(source)
    key = known(facts, task_id)
    live = [other for other in facts if slips(facts[other].get("status")) and other != key]
    dependents = dependents_of(dependencies, live)
    return blast_radius_of(key, dependents, facts, durations(source, facts, duration))


def agent_blast_radius(
    source: object, agent_id: str, duration: Duration = "estimated"
) -> AgentBlastRadius:
    """What slips where an agent goes: what it holds, what only it can do, what waits for these.

    Args:
        source: A snapshot of kind "all", or an orchestrator.
        duration: How work is counted, see `Duration`; an orchestrator knows "estimated" and
            "measured" only.

    Raises:
        AgentNotFoundError: the agent is not there.
        ValidationError: the graph holds no tasks or no agents; a duration is no number.
    """
    insights = insights_of(source)
    if insights is not None:
        return insights.agent_blast_radius(agent_id, kind_for_store(duration))
    facts, dependencies = chosen(source)
    agents = {it.agent_id: it for it in agents_given(source)}
    if nameable(agent_id) not in agents:
        raise AgentNotFoundError(agent_id)
    live = [key for key in facts if slips(facts[key].get("status"))]
    return agent_blast_radius_of(
        _holdings(agents, agent_id, facts),
        dependents_of(dependencies, live),
        durations(source, facts, duration),
    )


def _holdings(
    agents: Mapping[str, AgentSlots], agent_id: str, facts: Mapping[Any, Mapping[str, Any]]
) -> Holdings:
    held = [
        key
        for key, one in facts.items()
        if has_status(one, HELD) and nameable(one.get("assigned_to")) == agent_id
    ]
    pending = [
        key
        for key, one in facts.items()
        if "status" not in one or has_status(one, {TaskStatus.PENDING})
    ]
    capable: dict[frozenset[str], list[str]] = {}
    only = [key for key in held + pending if _can(agents, facts[key], capable) == [agent_id]]
    return Holdings(agent_id, held, only)


def _can(
    agents: Mapping[str, AgentSlots],
    one: Mapping[str, Any],
    capable: dict[frozenset[str], list[str]],
) -> list[str]:
    """Who can do a task: all its skills, and not excluded. `capable` keeps what was found."""
    needed = keys_of(one.get("requirements"), "a task")
    if needed not in capable:
        capable[needed] = [it.agent_id for it in agents.values() if needed <= it.skills]
    excluded = excluded_from(one.get("task_id"), one)
    return [it for it in capable[needed] if it not in excluded]
