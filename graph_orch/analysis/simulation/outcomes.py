"""From a run that has ended to its result: what became of tasks and agents, and why."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import networkx as nx

from graph_orch.analysis.checks import shown
from graph_orch.analysis.simulation.engine import Engine
from graph_orch.analysis.simulation.ready import WaitingTask, WorkingAgent
from graph_orch.analysis.simulation.results import (
    AgentResult,
    Outcome,
    SimulationResult,
    TaskResult,
)


def result_of(engine: Engine, mode: str) -> SimulationResult:
    """The result of a run that has ended."""
    started_at = min((task.spec.arrives_at for task in engine.tasks), default=0.0)
    last = max((one.ended_at for one in engine.tries), default=started_at)
    makespan = last - started_at
    by_id = {task.spec.task_id: task for task in engine.tasks}
    return SimulationResult(
        mode=str(mode),
        seed=engine.rules.seed,
        tasks=tuple(_task(task, by_id) for task in engine.tasks),
        agents=tuple(_agent(agent, makespan) for agent in engine.agents),
        tries=tuple(engine.tries),
        queue=tuple(engine.queue),
        cycles=_cycles(engine.tasks, by_id),
        started_at=started_at,
        ended_at=engine.ended_at,
        makespan=makespan,
    )


def _task(task: WaitingTask, by_id: Mapping[Hashable, WaitingTask]) -> TaskResult:
    outcome = Outcome(str(task.outcome))
    return TaskResult(
        task.spec.task_id,
        task.spec.task_type,
        outcome,
        task.agent_id,
        task.spec.arrives_at,
        task.ready,
        task.started,
        task.finished,
        task.tries,
        task.wait,
        task.work,
        _reason(task, outcome, by_id),
    )


def _reason(
    task: WaitingTask, outcome: Outcome, by_id: Mapping[Hashable, WaitingTask]
) -> str | None:
    match outcome:
        case Outcome.BLOCKED:
            return _blocked_by(task, by_id)
        case Outcome.UNROUTABLE:
            return _unable(task)
        case Outcome.REFUSED:
            return "the router chose nobody for it"
        case Outcome.FAILED:
            return f"{task.tries} tries failed"
        case _:
            return task.reason


def _unable(task: WaitingTask) -> str:
    if task.spec.independent_of:
        return "every agent with its skills is excluded, or worked on what it is independent of"
    skills = ", ".join(map(repr, sorted(task.spec.skill_keys)))
    return f"no agent that it does not exclude has {skills}" if skills else "there is no agent"


def _blocked_by(task: WaitingTask, by_id: Mapping[Hashable, WaitingTask]) -> str:
    for other in task.spec.dependencies:
        if by_id[other].outcome != Outcome.COMPLETED:
            return f"waits for {shown(other)}, which is {by_id[other].outcome}"
    return "waits for something that is not simulated"


def _agent(agent: WorkingAgent, makespan: float) -> AgentResult:
    slots = agent.spec.max_concurrent_tasks
    return AgentResult(
        agent.spec.agent_id,
        slots,
        agent.busy,
        agent.busy / (slots * makespan) if makespan else 0.0,
        agent.new_completed,
        agent.new_failed,
        agent.success_rate,
    )


def _cycles(
    tasks: Iterable[WaitingTask], by_id: Mapping[Hashable, WaitingTask]
) -> tuple[tuple[Hashable, ...], ...]:
    """The groups of tasks that wait for each other in a circle, and those for themselves."""
    graph: nx.DiGraph[Any] = nx.DiGraph()
    for task in tasks:
        if task.outcome == Outcome.BLOCKED:
            graph.add_edges_from(
                (task.index, by_id[other].index)
                for other in task.spec.dependencies
                if by_id[other].outcome == Outcome.BLOCKED
            )
    ids = {task.index: task.spec.task_id for task in tasks}
    groups = sorted(sorted(group) for group in nx.strongly_connected_components(graph))
    return tuple(
        tuple(ids[index] for index in group)
        for group in groups
        if len(group) > 1 or graph.has_edge(group[0], group[0])
    )
