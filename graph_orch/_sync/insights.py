"""Insights: why a task waits, what slips where something fails, how long the whole takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Self

from graph_orch._sync.graph import Graph, Rows
from graph_orch.domain.dag import (
    CriticalPath,
    critical_path_of,
    cycles_of,
    dependents_of,
    levels_of,
)
from graph_orch.domain.downstream import Holdings, agent_blast_radius_of, blast_radius_of
from graph_orch.domain.durations import ESTIMATE, Duration, Durations, estimated, seconds
from graph_orch.domain.explain import Situation, Standing, Takers, explain
from graph_orch.domain.fields import LIMIT, MAX_INT, NAME, TASK_ID, TASK_IDS
from graph_orch.domain.forms import load_json
from graph_orch.domain.lifecycle import DependencyFailure, TaskStatus
from graph_orch.domain.models import (
    AgentBlastRadius,
    BlastRadius,
    ConcurrencyLimit,
    Pause,
    WhyBlocked,
)
from graph_orch.domain.models.base import some_moment
from graph_orch.domain.models.gates import Gate
from graph_orch.errors import AgentNotFoundError, TaskNotFoundError
from graph_orch.store.driving import native


class Facts(NamedTuple):
    """What is known of a task, see `insights/facts`."""

    status: TaskStatus
    task_type: str
    gives_up: bool
    execution_duration_ms: float | None
    estimated_seconds: float | None
    dependencies: list[str]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Raises ValidationError where what it says of its duration is no number."""
        status, estimate = TaskStatus(row["status"]), estimated(load_json(row["metadata"]))
        of = f"task {row['task_id']}"
        return cls(
            status,
            row["task_type"],
            row["on_dependency_failure"] == DependencyFailure.CANCEL
            and status is TaskStatus.PENDING,
            row["execution_duration_ms"],
            None if estimate is None else seconds(estimate, of, f"metadata[{ESTIMATE!r}]"),
            row["dependencies"],
        )


class Insights:
    """Answers questions about the tasks of a graph, in one or two reads each."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def why_blocked(self, task_id: str, limit: int = 100) -> WhyBlocked[str]:
        """Why a task is not being worked on: what it waits for at the root, and why that waits.

        Args:
            limit: Of how many of these roots at most it tells; those that need somebody to act
                come first.

        Raises:
            TaskNotFoundError: there is no such task.
        """
        key, limit = TASK_ID.of("task_id", task_id), LIMIT.of("limit", limit)
        rows = self._graph.read("insights/why_blocked", task_id=key, limit=limit)
        if not rows:
            raise TaskNotFoundError(key)
        row, cycle, gates = rows[0], list[str](), list[Mapping[str, Any]]()
        if row["task"]["status"] == TaskStatus.PENDING and row["task"]["unmet"]:
            gates = list(self._graph.read("insights/closed_gates", task_id=key, limit=limit))
            if not row["roots"] and not gates:
                cycle = self._cycle(key)
        return explain(_situation(row, cycle, gates))

    def blast_radius(
        self, task_id: str, duration: Duration = "estimated", *, limit: int | None = None
    ) -> BlastRadius[str]:
        """What is not done where a task fails: everything that depends on it and has not ended.

        Args:
            duration: How the tasks' work is counted, see `DurationKind`.
            limit: How many of these tasks are read at most, the nearest; the answer is of them
                alone. None: all.

        Raises:
            TaskNotFoundError: there is no such task.
            ValidationError: a task's estimate is no number of seconds.
        """
        key, how = TASK_ID.of("task_id", task_id), _durations(duration)
        most = MAX_INT if limit is None else LIMIT.of("limit", limit)
        facts = _facts(self._graph.read("insights/downstream", task_id=key, limit=most))
        if not facts:
            raise TaskNotFoundError(key)
        seconds = seconds_of(self._graph, facts, how)
        gives_up = {other for other, one in facts.items() if one.gives_up}
        return blast_radius_of(key, _dependents(facts, facts.keys() - {key}), gives_up, seconds)

    def agent_blast_radius(
        self, agent_id: str, duration: Duration = "estimated"
    ) -> AgentBlastRadius[str]:
        """What slips where an agent goes: what it holds, what only it can do, what waits for these.

        Reads the pending tasks, and none of the history.

        Raises:
            AgentNotFoundError: the agent is not registered.
            ValidationError: a task's estimate is no number of seconds.
        """
        agent_id, how = NAME.of("agent_id", agent_id), _durations(duration)
        rows = self._graph.read("insights/held_and_only", agent_id=agent_id)
        if not rows:
            raise AgentNotFoundError(agent_id)
        found = Holdings(agent_id, list(rows[0]["held"]), list(rows[0]["only_it"]))
        own = sorted({*found.held, *found.only_it})
        facts: dict[str, Facts] = {}
        if own:
            facts = _facts(self._graph.read("insights/blocked"))
            facts |= _facts(self._graph.read("insights/among", task_ids=own))
        found = found.among(facts)  # without what was deleted meanwhile
        seconds = seconds_of(self._graph, facts, how)
        return agent_blast_radius_of(found, _dependents(facts, facts), seconds)

    def critical_path(
        self,
        tasks: str | Sequence[str],
        duration: Duration = "estimated",
    ) -> CriticalPath[str]:
        """The chain of tasks that decides how long the whole takes, and when each must run.

        Args:
            tasks: The id of a task: the whole is that task and everything it depends on. Or ids:
                the whole is these, with the dependencies between them.
            duration: How long a task takes, see `DurationKind`.

        Raises:
            TaskNotFoundError: there is no such task.
            ValidationError: a task's estimate is no number of seconds, or there is a cycle.
        """
        how = _durations(duration)
        facts = self._whole(tasks)
        return critical_path_of(_inner(facts), seconds_of(self._graph, facts, how))

    def levels(self, tasks: str | Sequence[str]) -> list[list[str]]:
        """The tasks by how long the longest chain below them is: those of level 0 wait for none.

        Args:
            tasks: As for `critical_path`.

        Raises:
            TaskNotFoundError: there is no such task.
            ValidationError: there is a cycle.
        """
        found = levels_of(_inner(self._whole(tasks)))
        return [sorted(level) for level in found]

    def _whole(self, tasks: str | Sequence[str]) -> dict[str, Facts]:
        if isinstance(tasks, str):
            ids = [TASK_ID.of("tasks", tasks)]
            rows = self._graph.read("insights/upstream", task_id=ids[0])
        else:
            ids = TASK_IDS.of("tasks", tasks)
            rows = self._graph.read("insights/among", task_ids=ids)
        facts = _facts(rows)
        for key in ids:
            if key not in facts:
                raise TaskNotFoundError(key)
        return facts

    def _cycle(self, task_id: str) -> list[str]:
        rows = self._graph.read("insights/upward", task_id=task_id)
        found = cycles_of({row["task_id"]: row["dependencies"] for row in rows})
        return found[0] if found else []


def seconds_of(
    graph: Graph, facts: Mapping[str, Facts], how: Durations
) -> dict[str, float]:
    """How long each task takes; the means of their types are read where they are needed only."""
    told = how.told(facts)
    types = {facts[key].task_type for key, value in told.items() if value is None}
    typical: Mapping[str, float] = {}
    if types:
        rows = graph.read("insights/typical", task_types=sorted(types))
        typical = {row["task_type"]: row["seconds"] for row in rows}
    return how.filled(told, facts, typical)


def _situation(
    row: Mapping[str, Any], cycle: Sequence[str], gates: Sequence[Mapping[str, Any]]
) -> Situation:
    takers: dict[Any, Takers] = {}
    limits: dict[Any, ConcurrencyLimit] = {}
    budgets: dict[Any, str] = {}
    for group in row["groups"]:
        shared = Takers(
            needs=group["needs"],
            missing=sorted(group["missing"]),
            handled=group["handled"],
            **group["takers"],
        )
        takers |= dict.fromkeys(group["task_ids"], shared)
        if group["limit"] is not None:
            limit = ConcurrencyLimit.from_record(native(group["limit"]))
            limits |= dict.fromkeys(group["task_ids"], limit)
        if group["budget"] is not None:
            budgets |= dict.fromkeys(group["task_ids"], group["budget"])
    return Situation(
        task=Standing.from_row(row["task"]),
        roots=[Standing.from_row(root) for root in row["roots"]],
        root_count=row["root_count"],
        now=some_moment(row["now"]),
        takers=takers,
        limits=limits,
        budgets=budgets,
        cycle=cycle,
        gates=[Gate.from_record(gate) for gate in gates],
        names={gate["task_ids"][0]: gate["name"] for gate in gates},
        pauses=[Pause.from_record({"pause": native(it)}) for it in row["pauses"]],
    )


def _durations(given: Duration) -> Durations:
    """Tasks in the store have no attributes but their own, so a name stands for a kind only."""
    return Durations.of(given, named=False)


def _facts(rows: Rows) -> dict[str, Facts]:
    return {row["task_id"]: Facts.from_row(row) for row in rows}


def _inner(facts: Mapping[str, Facts]) -> dict[str, list[str]]:
    """What each depends on, of these tasks only, in a stable order."""
    return {key: sorted(facts.keys() & facts[key].dependencies) for key in sorted(facts)}


def _dependents(facts: Mapping[str, Facts], among: Collection[str]) -> dict[str, list[str]]:
    return dependents_of({key: one.dependencies for key, one in facts.items()}, among)
