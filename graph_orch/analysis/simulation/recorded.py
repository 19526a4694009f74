"""Workloads and agents that were recorded: WfFormat workflows, and snapshots of the graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from statistics import fmean
from typing import Any, TypeAlias, cast

import networkx as nx

from graph_orch.analysis.model import Given, Model, TaskGraph, graph_of, seconds_between
from graph_orch.analysis.nodes import (
    TaskNode,
    by_name,
    reading,
    skill_names,
    tries_of,
)
from graph_orch.analysis.nodes import (
    agents_of as read_agents,
)
from graph_orch.analysis.simulation.workload import SimulatedAgent, SimulatedTask, checked_tasks
from graph_orch.analysis.wfformat import Workflow
from graph_orch.domain.dag import depths_from
from graph_orch.domain.durations import Duration, Durations
from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.domain.models import Agent
from graph_orch.domain.models.base import EPOCH
from graph_orch.errors import ValidationError

Workload: TypeAlias = "Workflow | Given | Iterable[SimulatedTask]"
Agents: TypeAlias = "Iterable[SimulatedAgent | Agent] | Given"


def tasks_of(
    workload: Workload, *, duration: Duration | None = None, live_only: bool = False
) -> tuple[SimulatedTask, ...]:
    """The tasks of a workflow or of a graph, to be simulated.

    A step of a workflow requires the skill named as its program, as `graph-orch run` has it.

    In a graph an edge goes from a task to the one it depends on. Every task arrives as long after
    the first one as it was created after it; or, with `live_only`, those that are not finished
    arrive at once, in the order of their creation, and what they wait for in vain holds them.

    Args:
        duration: How long a task takes, see `Durations`. None: what its execution took, else its
            last try that ended, else the mean of the tasks of its type, else of all.

    Raises:
        ValidationError: it is no workload, or the duration of a task is not known; or see
            `TaskGraph`.
    """
    if isinstance(workload, Workflow):
        return tuple(
            SimulatedTask(it.id, it.seconds, (it.program,), it.parents, task_type=it.program)
            for it in workload.steps
        )
    if isinstance(workload, nx.Graph | Model):
        return _recorded(TaskGraph.of(cast(Given, workload)), duration, live_only)
    return checked_tasks(workload)


def agents_of(graph: Given) -> tuple[SimulatedAgent, ...]:
    """The agents of a snapshot (kind "agents-skills" or "all"), idle, by agent_id.

    Raises:
        ValidationError: it holds none, or an attribute is not what it must be.
    """
    found = graph_of(graph)
    agents = [it.agent_id for it in read_agents(found) or ()]
    if not agents:
        raise ValidationError(
            "the graph holds no agents; take a snapshot of kind 'all' or 'agents-skills', or give "
            "agents"
        )
    return tuple(_agent(found, key) for key in agents)


def observed_failure_rates(agents: Iterable[SimulatedAgent]) -> dict[Hashable, float]:
    """For `failure_rates`: the share of tries that failed, 1 - success_rate, of each agent."""
    return {agent.agent_id: 1.0 - agent.success_rate for agent in agents}


def _agent(graph: nx.Graph[Any], key: Any) -> SimulatedAgent:
    one = graph.nodes[key]
    names = ("max_concurrent_tasks", "success_rate", "total_completed", "total_failed")
    known = {name: one[name] for name in (*names, "last_assigned_at") if name in one}
    with reading(key):
        return SimulatedAgent(one.get("agent_id", key), skill_names(graph, key), **known)


def _recorded(
    graph: TaskGraph, duration: Duration | None, live_only: bool
) -> tuple[SimulatedTask, ...]:
    given = _observed(graph) if duration is None else duration
    durations = graph.seconds(Durations.of(given, unknown=None))
    created = {key: task.created_at or EPOCH for key, task in graph.tasks.items()}
    origin = graph.taken_at if live_only else min(created.values(), default=None)
    chosen = [key for key, task in graph.tasks.items() if task.is_live or not live_only]
    known = set(chosen)
    tasks: list[SimulatedTask] = []
    for key in sorted(chosen, key=lambda key: (created[key], str(key))):
        task, needed = graph.tasks[key], graph.dependencies[key]
        fields = {
            "priority": task.priority,
            "on_dependency_failure": task.on_dependency_failure,
            "concurrency_key": task.concurrency_key,
        }
        most = task.max_retries
        if most is not None and live_only:  # those that are left
            most = max(0, most - task.retry_count)
        excluded = task.excluded_agents
        if task.independent_of:
            worked = _worked(graph, key)
            # Of what runs again from its start, others may do what these did.
            excluded = excluded | worked if live_only else excluded - worked
        arrives = None if live_only else seconds_between(origin, created[key])
        with reading(key):
            found = SimulatedTask(
                key,
                durations[key],
                task.requirements,
                [other for other in needed if other in known],
                arrives or 0.0,
                _available(task, origin, live_only),
                max_retries=most,
                task_type=task.task_type or "task",
                excluded_agents=tuple(sorted(excluded, key=by_name)),
                independent_of=task.independent_of,
                is_held=live_only and _is_held(task, [graph.tasks[other] for other in needed]),
                **{name: cast(Any, value) for name, value in fields.items() if value is not None},
            )
        tasks.append(found)
    return tuple(tasks)


def _worked(graph: TaskGraph, key: Any) -> frozenset[Any]:
    """Who has begun what a task is to be independent of."""
    of: Iterable[Any] = graph.tasks[key].independent_of
    if of == ("dependencies",):
        of = graph.dependencies[key]
    elif of == ("ancestors",):
        of = depths_from([key], graph.dependencies)
    return frozenset(
        one.agent_id
        for other in of
        if other in graph.tasks
        for one in tries_of(graph.graph, other)
        if one.started_at is not None or one.ended_at is None
    )


def _is_held(task: TaskNode, needed: list[TaskNode]) -> bool:
    """Whether it waits for a gate, or a task that failed, was cancelled or is not in the graph."""
    lost = any(it.has((TaskStatus.FAILED, TaskStatus.CANCELLED)) for it in needed)
    return (
        lost
        or bool(task.closed_gates)
        or task.unmet > sum(it.status is not TaskStatus.COMPLETED for it in needed)
    )


def _available(task: TaskNode, origin: datetime | None, live_only: bool) -> float | None:
    """`available_at` as it was asked for: the pause before a retry is not simulated twice."""
    if task.retry_count and not live_only:
        return None
    after = seconds_between(origin, task.available_at)
    return None if after is None else max(0.0, after)


def _observed(graph: TaskGraph) -> Mapping[Any, float | None]:
    """What each task took: its execution, else the last of its tries that ended; else the mean of
    those of its type, else of all."""
    known: dict[Any, float] = {}
    for key, task in graph.tasks.items():
        if task.execution_duration_ms is not None:
            known[key] = task.execution_duration_ms / 1_000
            continue
        lasted = [seconds_between(it.started_at, it.ended_at) for it in tries_of(graph.graph, key)]
        if ended := [took for took in lasted if took is not None]:
            known[key] = max(0.0, ended[-1])
    by_type: dict[str | None, list[float]] = defaultdict(list)
    for key, took in known.items():
        by_type[graph.tasks[key].task_type].append(took)
    means = {kind: fmean(values) for kind, values in by_type.items()}
    overall = fmean(known.values()) if known else None
    return {
        key: known.get(key, means.get(task.task_type, overall)) for key, task in graph.tasks.items()
    }
