"""Workloads and agents that were recorded: WfFormat workflows, and snapshots of the graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from statistics import fmean
from typing import Any, TypeAlias, cast

import networkx as nx

from graph_orch.analysis.simulation.workload import (
    SimulatedAgent,
    SimulatedTask,
    checked_tasks,
    moment,
    number,
    seconds,
    shown,
    whole,
)
from graph_orch.analysis.wfformat import Workflow
from graph_orch.domain.lifecycle import LIVE, TaskStatus
from graph_orch.domain.models import Agent
from graph_orch.domain.models.base import EPOCH
from graph_orch.errors import ValidationError

Graph: TypeAlias = "nx.DiGraph[Any]"
Attributes = Mapping[str, Any]
Workload: TypeAlias = "Workflow | Graph | Iterable[SimulatedTask]"
Agents: TypeAlias = "Iterable[SimulatedAgent | Agent] | Graph"
Duration: TypeAlias = (
    float | str | Mapping[Hashable, float] | Callable[[Hashable, Attributes], float | None] | None
)
"""Seconds for all, the attribute that has them, seconds by task, or what tells them."""

SECOND = 1e6
"""Microseconds."""


def tasks_of(
    workload: Workload, *, duration: Duration = None, live_only: bool = False
) -> tuple[SimulatedTask, ...]:
    """The tasks of a workflow or of a graph, to be simulated.

    A step of a workflow requires the skill named as its program, as `graph-orch run` has it.

    In a graph an edge goes from a task to the one it depends on. Every task arrives as long after
    the first one as it was created after it; or, with `live_only`, those that are not finished
    arrive at once, in the order of their creation, and what they wait for in vain holds them.
    A task takes `duration`; None: what its execution took, else its last try that ended, else the
    mean of the tasks of its type, else of all.

    Raises:
        ValidationError: it is no workload, or the duration of a task is not known.
    """
    if isinstance(workload, Workflow):
        return tuple(
            _of_step(step.id, step.program, step.seconds, step.parents) for step in workload.steps
        )
    if isinstance(workload, nx.Graph):
        return _Recorded.of(cast(Graph, workload), duration, live_only).tasks()
    return checked_tasks(workload)


def agents_of(graph: Graph) -> tuple[SimulatedAgent, ...]:
    """The agents of a snapshot (kind "agents-skills" or "all"), idle, by agent_id.

    Raises:
        ValidationError: it holds none.
    """
    nodes = [(key, data) for key, data in graph.nodes(data=True) if data.get("label") == "Agent"]
    if not nodes:
        raise ValidationError(
            "the graph holds no agents; take a snapshot of kind 'all' or 'agents-skills', or give "
            "agents"
        )
    return tuple(_agent(graph, key, data) for key, data in sorted(nodes, key=_by_name))


def observed_failure_rates(agents: Iterable[SimulatedAgent]) -> dict[Hashable, float]:
    """For `failure_rates`: the share of tries that failed, 1 - success_rate, of each agent."""
    return {agent.agent_id: 1.0 - agent.success_rate for agent in agents}


def _of_step(key: str, program: str, duration: float, parents: Sequence[str]) -> SimulatedTask:
    return SimulatedTask(key, duration, (program,), parents, task_type=program)


def _agent(graph: Graph, key: Hashable, data: Attributes) -> SimulatedAgent:
    skills = data.get("capabilities")
    if skills is None:
        edges = graph.out_edges(key, data=True)
        skills = [
            _skill_name(graph, to) for _, to, edge in edges if edge.get("type") == "HAS_SKILL"
        ]
    names = (
        "max_concurrent_tasks",
        "success_rate",
        "total_completed",
        "total_failed",
        "last_assigned_at",
    )
    return SimulatedAgent(
        data.get("agent_id", key), skills, **{n: data[n] for n in names if n in data}
    )


def _skill_name(graph: Graph, node: Hashable) -> str:
    data = graph.nodes[node]
    return data.get("key") or data.get("name") or str(node).removeprefix("skill:")


def _or_none_of(values: Any) -> Any:
    """What there is, which SimulatedTask checks."""
    return () if values is None else values


def _by_name(item: tuple[Hashable, Attributes]) -> str:
    return str(item[0])


@dataclass(frozen=True)
class _Recorded:
    """The tasks of a graph: nodes, what each depends on, and how long each takes."""

    nodes: Mapping[Hashable, Attributes]
    dependencies: dict[Hashable, list[Hashable]]
    durations: Mapping[Hashable, float]
    live_only: bool
    taken_at: float | None

    @classmethod
    def of(cls, graph: Graph, duration: Duration, live_only: bool) -> _Recorded:
        if not graph.is_directed():
            raise ValidationError(
                "the graph is undirected, so it does not say which task depends on which; "
                "give a DiGraph with edges from a task to what it depends on"
            )
        nodes: dict[Hashable, Attributes] = {
            key: data for key, data in graph.nodes(data=True) if data.get("label") not in _NO_TASKS
        }
        dependencies: dict[Hashable, list[Hashable]] = {key: [] for key in nodes}
        for task, other, data in graph.edges(data=True):
            if data.get("type") not in _OTHER_EDGES and task in nodes and other in nodes:
                dependencies[task].append(other)
        taken_at = graph.graph.get("taken_at")
        at = None if taken_at is None else _moment(taken_at, "the graph's taken_at")
        return cls(nodes, dependencies, _durations(nodes, duration), live_only, at)

    def tasks(self) -> tuple[SimulatedTask, ...]:
        created = {key: _created(key, data) for key, data in self.nodes.items()}
        origin = self.taken_at if self.live_only else min(created.values(), default=0.0)
        order = sorted(self._chosen(), key=lambda key: (created[key], str(key)))
        return tuple(self._task(key, created[key], origin) for key in order)

    def _chosen(self) -> list[Hashable]:
        return [key for key in self.nodes if self._is_simulated(key)]

    def _is_simulated(self, key: Hashable) -> bool:
        return not self.live_only or self.nodes[key].get("status", TaskStatus.PENDING) in LIVE

    def _task(self, key: Hashable, created: float, origin: float | None) -> SimulatedTask:
        data, needed = self.nodes[key], self.dependencies[key]
        return SimulatedTask(
            key,
            self.durations[key],
            _or_none_of(data.get("requirements")),
            [other for other in needed if self._is_simulated(other)],
            0.0 if self.live_only or origin is None else (created - origin) / SECOND,
            self._available(key, origin),
            max_retries=self._retries(key),
            task_type=str(data.get("task_type") or "task"),
            excluded_agents=_or_none_of(data.get("excluded_agents")),
            is_held=self.live_only and self._is_held(data, needed),
            **{name: data[name] for name in _FIELDS if data.get(name) is not None},
        )

    def _is_held(self, data: Attributes, needed: Iterable[Hashable]) -> bool:
        """Whether it waits for a task that failed, was cancelled, or is not in the graph."""
        statuses = [self.nodes[other].get("status", TaskStatus.PENDING) for other in needed]
        lost = any(status in (TaskStatus.FAILED, TaskStatus.CANCELLED) for status in statuses)
        open_ = sum(status != TaskStatus.COMPLETED for status in statuses)
        return lost or number(data.get("unmet", 0), "unmet", 0, inf) > open_

    def _retries(self, key: Hashable) -> int | None:
        """How many there may be; of a task that is not finished, those that are left."""
        data = self.nodes[key]
        most = data.get("max_retries")
        if most is None or not self.live_only:
            return most
        used = whole(data.get("retry_count", 0), f"task {shown(key)}: retry_count", 0)
        return max(0, whole(most, f"task {shown(key)}: max_retries", 0) - used)

    def _available(self, key: Hashable, origin: float | None) -> float | None:
        """`available_at` as it was asked for: the pause before a retry is not simulated twice."""
        data = self.nodes[key]
        at = data.get("available_at")
        if at is None or origin is None or (data.get("retry_count") and not self.live_only):
            return None
        return max(0.0, (_moment(at, f"task {shown(key)}: available_at") - origin) / SECOND)


_FIELDS = ("priority", "on_dependency_failure", "concurrency_key")
_NO_TASKS = ("Agent", "Skill", "Team")
_OTHER_EDGES = ("HAS_SKILL", "ASSIGNED_TO", "REQUIRES", "MEMBER_OF")


def _created(key: Hashable, data: Attributes) -> float:
    at = data.get("created_at")
    return 0.0 if at is None else _moment(at, f"task {shown(key)}: created_at")


def _moment(value: object, what: str) -> float:
    """A moment as microseconds since 1970, so that differences of moments are exact; a number is
    taken for seconds."""
    if isinstance(value, datetime):
        return float((moment(value, what) - EPOCH) // timedelta(microseconds=1))
    return seconds(value, what) * SECOND


def _durations(
    nodes: Mapping[Hashable, Attributes], duration: Duration
) -> Mapping[Hashable, float]:
    if duration is not None:
        return {key: _given(key, data, duration) for key, data in nodes.items()}
    known = {key: took for key, data in nodes.items() if (took := _took(key, data)) is not None}
    by_type: dict[str, list[float]] = defaultdict(list)
    for key, took in known.items():
        by_type[str(nodes[key].get("task_type"))].append(took)
    means = {kind: fmean(values) for kind, values in by_type.items()}
    overall = fmean(known.values()) if known else None
    return {
        key: known[key] if key in known else _estimate(key, data, means, overall)
        for key, data in nodes.items()
    }


def _estimate(
    key: Hashable, data: Attributes, means: Mapping[str, float], overall: float | None
) -> float:
    found = means.get(str(data.get("task_type")), overall)
    if found is None:
        raise _unknown(key)
    return found


def _given(key: Hashable, data: Attributes, duration: Duration) -> float:
    if callable(duration):
        found = duration(key, data)
    elif isinstance(duration, str):
        found = data.get(duration)
    elif isinstance(duration, Mapping):
        found = duration.get(key)
    else:
        found = duration
    if found is None:
        raise _unknown(key)
    return seconds(found, f"task {shown(key)}: duration")


def _unknown(key: Hashable) -> ValidationError:
    return ValidationError(
        f"task {shown(key)}: nothing says how long it takes; give `duration` to tasks_of: "
        "seconds, the name of an attribute, a mapping or a callable"
    )


def _took(key: Hashable, data: Attributes) -> float | None:
    """What the execution took, else the last of the tries that ended, in seconds."""
    milliseconds = data.get("execution_duration_ms")
    if milliseconds is not None:
        return seconds(milliseconds, f"task {shown(key)}: execution_duration_ms") / 1_000
    tries: object = data.get("tries")
    rows = cast(Sequence[object], tries) if isinstance(tries, list | tuple) else ()
    return next((took for row in reversed(rows) if (took := _lasted(key, row)) is not None), None)


def _lasted(key: Hashable, row: object) -> float | None:
    """What a try took, where it has ended."""
    one = cast(Attributes, row) if isinstance(row, Mapping) else dict[str, Any]()
    start, end = one.get("started_at"), one.get("ended_at")
    if start is None or end is None:
        return None
    what = f"task {shown(key)}: a try"
    return max(0.0, (_moment(end, what) - _moment(start, what)) / SECOND)
