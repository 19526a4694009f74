"""What slips where a task fails, or an agent goes."""

from __future__ import annotations

from typing import Any

from graph_orch.analysis.checks import node
from graph_orch.analysis.model import Given, TaskGraph
from graph_orch.analysis.nodes import TaskNode
from graph_orch.domain.dag import dependents_of
from graph_orch.domain.downstream import Holdings, agent_blast_radius_of, blast_radius_of
from graph_orch.domain.durations import Duration
from graph_orch.domain.lifecycle import HELD, DependencyFailure, TaskStatus
from graph_orch.domain.models import AgentBlastRadius, BlastRadius
from graph_orch.errors import AgentNotFoundError

_PENDING = (TaskStatus.PENDING, None)


def blast_radius(graph: Given, task_id: Any, duration: Duration = "estimated") -> BlastRadius[Any]:
    """What is not done where a task fails: all that depends on it, through others too.

    What has ended does not slip, and nothing slips through it. A pending task that asks for it
    (`on_dependency_failure="cancel"`) is cancelled if all between it and the failure are, and the
    rest waits. Where the graph tells no statuses, every task downstream is affected. The store
    itself is asked by `orch.insights.blast_radius`.

    Args:
        graph: Edges go from a task to what it depends on.
        duration: How work is counted, see `Durations`.

    Raises:
        TaskNotFoundError: the task is not there.
        ValidationError: a duration is no number; or see `TaskGraph`.
    """
    found = TaskGraph.of(graph)
    key = found.task(task_id)
    live = [other for other, one in found.tasks.items() if one.is_live and other != key]
    gives_up = {
        other
        for other, one in found.tasks.items()
        if one.on_dependency_failure is DependencyFailure.CANCEL and one.status in _PENDING
    }
    dependents = dependents_of(found.dependencies, live)
    return blast_radius_of(key, dependents, gives_up, found.seconds(duration))


def agent_blast_radius(
    graph: Given, agent_id: str, duration: Duration = "estimated"
) -> AgentBlastRadius[Any]:
    """What slips where an agent goes: what it holds, what only it can do, what waits for these.

    The store itself is asked by `orch.insights.agent_blast_radius`.

    Args:
        graph: A snapshot of kind "all".
        duration: How work is counted, see `Durations`.

    Raises:
        AgentNotFoundError: the agent is not there.
        ValidationError: the graph holds no agents, or a duration is no number; or see `TaskGraph`.
    """
    found = TaskGraph.of(graph)
    agents = found.known_agents()
    if node("agent_id", agent_id) not in {it.agent_id for it in agents}:
        raise AgentNotFoundError(agent_id)
    capable: dict[frozenset[str], list[str]] = {}

    def only_it_can(task: TaskNode) -> bool:
        if task.skills not in capable:
            capable[task.skills] = [it.agent_id for it in agents if task.skills <= it.skills]
        may = [it for it in capable[task.skills] if it not in task.excluded_agents]
        return may == [agent_id]

    tasks = found.tasks.values()
    held = [it for it in tasks if it.status in HELD and it.assigned_to == agent_id]
    waiting = [it for it in tasks if it.status in _PENDING]
    only = [it.task_id for it in held + waiting if only_it_can(it)]
    live = [it.task_id for it in tasks if it.is_live]
    return agent_blast_radius_of(
        Holdings(agent_id, [it.task_id for it in held], only),
        dependents_of(found.dependencies, live),
        found.seconds(duration),
    )
