"""Other agents and other arrivals: what a what-if question changes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import TypeVar

from graph_orch.analysis.checks import number, shown, whole
from graph_orch.analysis.simulation.recorded import Workload, tasks_of
from graph_orch.analysis.simulation.workload import (
    FASTEST,
    SLOWEST,
    SimulatedAgent,
    SimulatedTask,
    checked_agents,
)
from graph_orch.domain.models import Agent
from graph_orch.errors import ValidationError

S = TypeVar("S", bound=SimulatedAgent | SimulatedTask)


def identical_agents(
    count: int, workload: Workload = (), *, max_concurrent_tasks: int = 1, speed: float = 1.0
) -> tuple[SimulatedAgent, ...]:
    """Agents that can do every task of a workload: agent-1, agent-2, … (with leading zeros, so
    that their order is that of their numbers).

    Raises:
        ValidationError: count is not a whole number, or negative.
    """
    whole("the number of agents", count, 0)
    skills = _skills(workload)
    width = len(str(count))
    return tuple(
        SimulatedAgent(f"agent-{place:0{width}}", skills, max_concurrent_tasks, speed=speed)
        for place in range(1, count + 1)
    )


def unlimited(workload: Workload) -> tuple[SimulatedAgent]:
    """One agent that can do every task of a workload, all of them at once: what remains is the
    critical path."""
    tasks = tasks_of(workload)
    return (SimulatedAgent("unlimited", _skills(tasks), max(1, len(tasks))),)


def scale_capacity(
    agents: Iterable[SimulatedAgent | Agent], factor: float
) -> tuple[SimulatedAgent, ...]:
    """The agents with `factor` times as many slots, rounded, and at least one each.

    Raises:
        ValidationError: these are no agents, or factor is no number of 0 or more.
    """
    by = number("the factor of the capacity", factor, 0, FASTEST)
    return tuple(
        replace(agent, max_concurrent_tasks=max(1, round(agent.max_concurrent_tasks * by)))
        for agent in checked_agents(agents)
    )


def scale_speed(agents: Iterable[SimulatedAgent], factor: float) -> tuple[SimulatedAgent, ...]:
    """The agents, `factor` times as fast."""
    by = number("the factor of the speed", factor, SLOWEST, FASTEST)
    return tuple(replace(agent, speed=agent.speed * by) for agent in checked_agents(agents))


def without(agents: Iterable[SimulatedAgent], *agent_ids: Hashable) -> tuple[SimulatedAgent, ...]:
    """The agents but for some.

    Raises:
        ValidationError: one of these is not among them.
    """
    kept = tuple(agents)
    known = {agent.agent_id for agent in kept}
    for agent_id in agent_ids:
        if agent_id not in known:
            raise ValidationError(f"there is no agent {shown(agent_id)} to leave out")
    return tuple(agent for agent in kept if agent.agent_id not in agent_ids)


def scale_arrivals(tasks: Iterable[SimulatedTask], factor: float) -> tuple[SimulatedTask, ...]:
    """The tasks arriving `factor` times as densely: 2 halves the time between them."""
    by = number("the factor of the arrivals", factor, SLOWEST, FASTEST)
    return tuple(
        replace(task, arrives_at=task.arrives_at / by, available_at=_earlier(task, by))
        for task in tasks
    )


def arriving_at(tasks: Iterable[SimulatedTask], at: float) -> tuple[SimulatedTask, ...]:
    """The tasks, all arriving at one time."""
    moment = number("the time of arrival", at)
    return tuple(replace(task, arrives_at=moment) for task in tasks)


def _earlier(task: SimulatedTask, factor: float) -> float | None:
    return None if task.available_at is None else task.available_at / factor


def _skills(workload: Workload) -> tuple[str, ...]:
    return tuple(dict.fromkeys(skill for task in tasks_of(workload) for skill in task.requirements))
