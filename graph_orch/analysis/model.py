"""What analysis computes on: the tasks, the agents and skills, or the tries of a graph.

Each model is read from a NetworkX graph, checked once, and trusted from then on; the graph stays at
hand as `.graph`. Public functions of analysis take a model or a graph, which they make one of.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeAlias, cast

import networkx as nx
from pydantic import Field

from graph_orch.analysis.checks import moment, nodes, number
from graph_orch.analysis.nodes import (
    Attributes,
    Graph,
    StepNode,
    TaskNode,
    TaskReader,
    agents_of,
    by_name,
    is_kind,
    is_labelled,
    reading,
    stated_tasks,
    steps_of,
    tries_of,
)
from graph_orch.domain.dag import depths_from
from graph_orch.domain.durations import Duration, Durations, typical_seconds
from graph_orch.domain.fields import RATIO, Check
from graph_orch.domain.lifecycle import ENDED, TryOutcome
from graph_orch.domain.scheduling import AgentSlots
from graph_orch.errors import (
    AnalysisError,
    TaskNotFoundError,
    UnreadableGraphError,
    ValidationError,
)

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

    from graph_orch import AsyncOrchestrator, Orchestrator
    from graph_orch.analysis.snapshots.building import SnapshotKind

Matrix: TypeAlias = "csr_array[np.float64, tuple[int, int]]"
LIMITS: Check[dict[str, int]] = Check(dict[str, Annotated[int, Field(ge=0)]])
SUCCEEDED = TryOutcome.COMPLETED
SUSPENDED = TryOutcome.SUSPENDED
FAILED = frozenset({TryOutcome.FAILED, TryOutcome.EXPIRED, TryOutcome.TIMED_OUT})
"""Outcomes that count against an agent, unless the try was `blameless`; `released` and `cancelled`
count neither way."""


class Model:
    """Where a model comes from: each of them reads a graph, a file or the store."""

    kind: ClassVar[SnapshotKind]
    graph: Graph

    @classmethod
    def from_networkx(cls, graph: Graph) -> Self:
        """Read a graph.

        Raises:
            ValidationError: this is no NetworkX graph.
            UnreadableGraphError: it cannot be read; an `AnalysisError` and a `ValidationError`.
        """
        raise NotImplementedError

    @classmethod
    def of(cls, given: object) -> Self:
        """The model that is given, or that of the graph that is given.

        Raises:
            ValidationError: this is neither.
            UnreadableGraphError: the graph cannot be read; see `from_networkx`.
        """
        if isinstance(given, cls):
            return given
        return cls.from_networkx(graph_of(given))

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Self:
        """Read a file that `analysis.save` wrote; errors as for `analysis.load`."""
        from graph_orch.analysis.io.files import load

        return cls.from_networkx(load(path))

    @classmethod
    def from_store(
        cls, orchestrator: Orchestrator, kind: SnapshotKind | None = None, **options: Any
    ) -> Self:
        """Read the store; options and errors are those of `analysis.snapshot`.

        Args:
            kind: Of the snapshot; None: the smallest that holds what the model needs.
        """
        from graph_orch.analysis.snapshots.reading import snapshot

        return cls.from_networkx(snapshot(orchestrator, kind or cls.kind, **options))

    @classmethod
    async def afrom_store(
        cls, orchestrator: AsyncOrchestrator, kind: SnapshotKind | None = None, **options: Any
    ) -> Self:
        """The same as `from_store`, for an `AsyncOrchestrator`."""
        from graph_orch.analysis.snapshots.reading import asnapshot

        return cls.from_networkx(await asnapshot(orchestrator, kind or cls.kind, **options))


def graph_of(given: object) -> Graph:
    """A NetworkX graph that is given, or that of a model.

    Raises:
        ValidationError: this is something else.
    """
    if isinstance(given, nx.Graph):
        return cast(Graph, given)
    if isinstance(given, Model):
        return given.graph
    asked = "; ask its insights, or read a snapshot of it" if hasattr(given, "insights") else ""
    raise ValidationError(f"a NetworkX graph is needed, not {type(given).__name__}{asked}")


Given: TypeAlias = "Graph | Model"
"""What a model is made of where none is given: a NetworkX graph, or that of another model."""


@dataclass(frozen=True, eq=False)
class TaskGraph(Model):
    """Tasks and what they depend on.

    `tasks` and the dependencies of each are in the order of their names, so that what follows does
    not depend on how a graph was built. `agents` are those of the graph, by id; None where it is of
    a kind that holds none. `limits` says how many tasks with each concurrency key may be held.

    An edge goes from a task to what it depends on, in our graphs and in any other that is given. In
    graphs of ours only tasks and their dependencies count; in others every node is a task.
    """

    kind: ClassVar[SnapshotKind] = "tasks"
    graph: Graph
    tasks: dict[Any, TaskNode]
    dependencies: dict[Any, list[Any]]
    agents: tuple[AgentSlots, ...] | None
    limits: Mapping[str, int] | None
    taken_at: datetime | None

    @classmethod
    def from_networkx(cls, graph: Graph) -> Self:
        """Read a graph of tasks: a snapshot of kind "tasks" or "all", or anybody's DiGraph.

        Raises:
            ValidationError: this is no NetworkX graph.
            UnreadableGraphError: it is undirected, or one of agents and skills only, or an
                attribute is not what it must be.
        """
        found = graph_of(graph)
        if not found.is_directed() and found.number_of_edges():
            raise UnreadableGraphError(
                "the graph is undirected, and dependencies have a direction: give a DiGraph whose "
                "edges go from a task to what it depends on"
            )
        if is_kind(found, "agents-skills"):
            raise UnreadableGraphError(
                'this graph holds no tasks: take snapshot(orch, "tasks") or "all"'
            )
        rows = list(found.nodes(data=True))
        is_ours = is_kind(found, "tasks", "all") or any(is_labelled(it, "Task") for _, it in rows)
        if is_ours:  # in the graphs of others, labels mean what they mean there
            rows = [row for row in rows if "label" not in row[1] or is_labelled(row[1], "Task")]
        rows.sort(key=lambda row: by_name(row[0]))
        reader = TaskReader(found)
        tasks = {key: reader.read(key, one) for key, one in rows}
        limits, taken_at = found.graph.get("limits"), found.graph.get("taken_at")
        with reading():
            limits = None if limits is None else LIMITS.of("the graph's limits", limits)
            taken_at = None if taken_at is None else moment("the graph's taken_at", taken_at)
        dependencies = _dependencies(found, tasks, is_ours)
        return cls(found, tasks, dependencies, agents_of(found), limits, taken_at)

    def task(self, task_id: object) -> Any:
        """The id of a task, if there is such a task.

        Raises:
            TaskNotFoundError: there is none.
            ValidationError: this cannot be an id.
        """
        (key,) = nodes("the id of a task", [task_id])
        if key not in self.tasks:
            raise TaskNotFoundError(key)
        return key

    def known_agents(self) -> tuple[AgentSlots, ...]:
        """The agents of the graph.

        Raises:
            ValidationError: it is of a kind that holds none.
        """
        if self.agents is None:
            raise ValidationError('this graph holds no agents: take snapshot(orch, "all")')
        return self.agents

    def chosen(self, tasks: object = None, *, remaining: bool = False) -> Self:
        """A part of the tasks, with the dependencies between them.

        Args:
            tasks: A task: it and all that it depends on. A list: these. None: all.
            remaining: Without those that have ended.

        Raises:
            TaskNotFoundError: one of `tasks` is not there.
        """
        meant: Collection[Any] = self.tasks
        if isinstance(tasks, list | set | frozenset):
            meant = [self.task(key) for key in cast(Iterable[Any], tasks)]
        elif tasks is not None:
            root = self.task(tasks)
            meant = [root, *depths_from([root], self.dependencies)]
        kept = {key for key in meant if not (remaining and self.tasks[key].has(ENDED))}
        if len(kept) == len(self.tasks):
            return self
        inner = {
            key: [other for other in others if other in kept]
            for key, others in self.dependencies.items()
            if key in kept
        }
        return replace(self, tasks={key: self.tasks[key] for key in inner}, dependencies=inner)

    def seconds(self, duration: Duration = "estimated", of: Self | None = None) -> dict[Any, float]:
        """How long each task takes, in seconds; see `Durations`.

        Args:
            of: A part of these tasks: only how long they take. The means of types are those of all.

        Raises:
            ValidationError: something is no number of seconds, or no task has what is named.
        """
        how, tasks = Durations.of(duration), (of or self).tasks
        told = how.told(tasks, self.graph.nodes.__getitem__)
        lacking = any(value is None for value in told.values())
        return how.filled(told, tasks, typical_seconds(self.tasks.values()) if lacking else {})


def _dependencies(
    graph: Graph, tasks: Mapping[Any, TaskNode], is_ours: bool
) -> dict[Any, list[Any]]:
    """What each task depends on, in the order of the tasks."""
    adjacent: Mapping[Any, Mapping[Any, Any]] = dict(graph.adjacency())
    place = {key: at for at, key in enumerate(tasks)}
    joins = _has_dependency if graph.is_multigraph() else _is_dependency
    found: dict[Any, list[Any]] = {}
    for key in tasks:
        others = [
            other
            for other, edge in adjacent[key].items()
            if other in place and (not is_ours or joins(edge))
        ]
        if len(others) > 1:
            others.sort(key=place.__getitem__)
        found[key] = others
    return found


def _is_dependency(edge: Attributes) -> bool:
    kind: object = edge.get("type", "DEPENDS_ON")
    return isinstance(kind, str) and kind == "DEPENDS_ON"


def _has_dependency(edges: Mapping[Any, Attributes]) -> bool:
    return any(map(_is_dependency, edges.values()))


@dataclass(frozen=True, eq=False)
class AgentSkills(Model):
    """Agents and skills in the order of their names, and which agent has which skill.

    `matrix` has a row for each agent and a column for each skill, and 1 where the agent has it.
    """

    kind: ClassVar[SnapshotKind] = "agents-skills"
    graph: Graph
    agents: tuple[Hashable, ...]
    skills: tuple[Hashable, ...]
    matrix: Matrix

    @classmethod
    def from_networkx(
        cls,
        graph: Graph,
        *,
        agents: Iterable[Hashable] | None = None,
        skills: Iterable[Hashable] | None = None,
        min_confidence: float = 0.0,
    ) -> Self:
        """Read who has which skill from a graph, directed or not, with other nodes in it or not.

        Agents and skills are told apart by `agents` and `skills` where they are given (one of them:
        the other is all the rest), else by the nodes' `label`, else by their `bipartite` (0:
        agents). With `label`, edges of another `type` than HAS_SKILL do not count.
        `min_confidence` leaves out edges whose `confidence` is lower; an edge without one is
        certain.

        Raises:
            ValidationError: this is no graph, or a node that is named is not in it.
            UnreadableGraphError: agents and skills cannot be told apart, an edge joins two of one
                side, or a confidence is no number.
        """
        found, least = graph_of(graph), RATIO.of("min_confidence", min_confidence) or 0.0
        is_named = agents is not None or skills is not None
        is_ours = not is_named and _has_label(found, "Agent", "Skill")
        if is_named:
            sides = _named_sides(found, agents, skills)
        else:
            sides = _labelled_sides(found) if is_ours else _bipartite_sides(found)
        rows, columns = (tuple(sorted(side, key=by_name)) for side in sides)
        pairs = _pairs(found, sides, is_ours, least)
        return cls(found, rows, columns, _matrix(rows, columns, pairs))

    def attributes(self, key: Hashable) -> Attributes:
        """What the graph says of a node."""
        return self.graph.nodes[key]

    def numbers(self, name: str) -> list[float | None]:
        """A number that agents have as an attribute, of each; None where it has none.

        Raises:
            UnreadableGraphError: it is something else.
        """
        found: list[float | None] = []
        for agent in self.agents:
            with reading(agent):
                value = self.graph.nodes[agent].get(name)
                found.append(None if value is None else number(name, value))
        return found


def _has_label(graph: Graph, *labels: str) -> bool:
    return any(is_labelled(one, *labels) for _, one in graph.nodes(data=True))


def _named_sides(
    graph: Graph, agents: Iterable[Hashable] | None, skills: Iterable[Hashable] | None
) -> tuple[set[Any], set[Any]]:
    sides: list[set[Any] | None] = []
    for what, given in (("agents", agents), ("skills", skills)):
        side = None if given is None else set(nodes(what, given))
        if unknown := sorted((key for key in side or () if key not in graph), key=by_name):
            raise ValidationError(f"{what}: {unknown[0]!r:.100} is not a node of the graph")
        sides.append(side)
    first, second = sides
    first = set[Any](graph) - (second or set()) if first is None else first
    second = set[Any](graph) - first if second is None else second
    if both := sorted(first & second, key=by_name):
        raise ValidationError(f"{both[0]!r:.100} is named as an agent and as a skill")
    return first, second


def _labelled_sides(graph: Graph) -> tuple[set[Any], set[Any]]:
    rows = list(graph.nodes(data=True))
    agents = {key for key, one in rows if is_labelled(one, "Agent")}
    return agents, {key for key, one in rows if is_labelled(one, "Skill")}


def _bipartite_sides(graph: Graph) -> tuple[set[Any], set[Any]]:
    sides: tuple[set[Any], set[Any]] = set(), set()
    for key, one in graph.nodes(data=True):
        side = one.get("bipartite")
        if isinstance(side, bool) or not isinstance(side, int) or side not in (0, 1):
            raise UnreadableGraphError(
                f"{key!r:.100} has neither the label Agent or Skill nor bipartite 0 or 1, so "
                "agents and skills cannot be told apart; name them with "
                "AgentSkills.from_networkx(graph, agents=…) or skills="
            )
        sides[side].add(key)
    return sides


def _pairs(
    graph: Graph, sides: tuple[set[Any], set[Any]], is_ours: bool, least: float
) -> Iterator[tuple[Any, Any]]:
    """The agents with their skills, whichever way the edges go."""
    agents, skills = sides
    for one, other, edge in graph.edges(data=True):
        if is_ours and str(edge.get("type", "HAS_SKILL")) != "HAS_SKILL":
            continue
        if one in agents and other in skills:
            pair = one, other
        elif one in skills and other in agents:
            pair = other, one
        elif any(one in side and other in side for side in sides):
            raise UnreadableGraphError(
                f"the edge {one!r:.100} - {other!r:.100} joins two of one side, so this is no "
                "graph of agents and their skills; leave it out, or name the sides with agents= "
                "and skills="
            )
        else:
            continue
        if least and (sure := edge.get("confidence")) is not None:
            with reading(pair):
                if number("confidence", sure) < least:
                    continue
        yield pair


def _matrix(
    rows: tuple[Hashable, ...], columns: tuple[Hashable, ...], pairs: Iterable[tuple[Any, Any]]
) -> Matrix:
    try:
        import numpy as np
        from scipy.sparse import coo_array, csr_array
    except ImportError as error:
        raise AnalysisError("this needs scipy: pip install 'graph-orch[analysis]'") from error
    row_of = {key: at for at, key in enumerate(rows)}
    column_of = {key: at for at, key in enumerate(columns)}
    found = [(row_of[agent], column_of[skill]) for agent, skill in pairs]
    at = np.array(found, dtype=np.int64).reshape(-1, 2).T
    shape = (len(rows), len(columns))
    matrix = csr_array(coo_array((np.ones(at.shape[1]), (at[0], at[1])), shape=shape))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0  # parallel edges say the same once
    return matrix


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a task by an agent. Times may be missing, durations are in seconds.

    `since` is when the task could first have been tried, had nothing been in its way: created and
    due, or given back by the try before. `ready_at` is when its dependencies were completed too.
    """

    task: Hashable
    task_type: str | None
    skills: tuple[str, ...]
    agent: Hashable | None
    attempt: int
    since: datetime | None
    ready_at: datetime | None
    assigned_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    blameless: bool = False

    @property
    def is_success(self) -> bool | None:
        """Whether it succeeded; None: still going, or neither (released, cancelled, blameless)."""
        if self.outcome == SUCCEEDED:
            return True
        return False if self.outcome in FAILED and not self.blameless else None

    @property
    def wait(self) -> float | None:
        """From `since` until it was started: for dependencies, for an agent, for the agent."""
        return seconds_between(self.since, self.started_at)

    @property
    def queue(self) -> float | None:
        """The part of `wait` in which it was ready: from `ready_at` until it was started."""
        return seconds_between(self.ready_at, self.started_at)

    @property
    def work(self) -> float | None:
        """From started until ended."""
        return seconds_between(self.started_at, self.ended_at)

    @property
    def turnaround(self) -> float | None:
        """From `since` until ended: waiting and working."""
        return seconds_between(self.since, self.ended_at)


@dataclass(frozen=True, slots=True)
class TriedTask:
    """A task with its tries and the steps of its handler, each oldest first; there may be none."""

    task: Hashable
    task_type: str | None
    skills: tuple[str, ...]
    status: str | None
    tries: tuple[Try, ...]
    steps: tuple[StepNode, ...] = ()


@dataclass(frozen=True, eq=False)
class Timeline(Model):
    """Tasks with their tries, in the order of their names."""

    kind: ClassVar[SnapshotKind] = "tasks"
    graph: Graph
    tasks: tuple[TriedTask, ...]

    @classmethod
    def from_networkx(cls, graph: Graph) -> Self:
        """Read the tries of tasks: nodes with the label Task, or without one and with `tries`,
        `task_type` or `requirements`.

        Tries are what a task has as `tries` (mappings), or else its edges of the type ASSIGNED_TO.
        Dependencies are its edges of the type DEPENDS_ON, or of no type, to other nodes.

        Raises:
            ValidationError: this is no NetworkX graph.
            UnreadableGraphError: tries are no list of mappings, or an attribute is not what it must
                be, such as a time without a time zone.
        """
        found = graph_of(graph)
        tasks = stated_tasks(found)
        return cls(found, tuple(_tried(found, one, tasks) for one in tasks.values()))

    @cached_property
    def tries(self) -> tuple[Try, ...]:
        """The tries of all tasks, those of each task oldest first."""
        return tuple(one for task in self.tasks for one in task.tries)


def _tried(graph: Graph, task: TaskNode, tasks: Mapping[Any, TaskNode]) -> TriedTask:
    depended_on = (
        other
        for _, other, edge in graph.edges(task.task_id, data=True)
        if graph.is_directed() and _is_dependency(edge)
    )
    done = [tasks[other].completed_at for other in depended_on if other in tasks]
    skills = tuple(sorted(task.skills))
    rows = tries_of(graph, task.task_id)
    before = task.created_at
    tries: list[Try] = []
    for at, row in enumerate(rows):
        due, assigned = task.available_at, row.assigned_at
        if due is not None and assigned is not None and due > assigned and at < len(rows) - 1:
            due = None  # a pause before a later retry has overwritten it
        known = before is not None or at == 0
        since = _latest(before, due) if known else None
        found = Try(
            task=task.task_id,
            task_type=task.task_type,
            skills=skills,
            agent=row.agent_id,
            attempt=row.attempt or at + 1,
            since=since,
            ready_at=None if since is None else _latest(since, *done),
            assigned_at=row.assigned_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            outcome=row.outcome,
            blameless=row.blameless,
        )
        tries.append(found)
        before = found.ended_at
    status = None if task.status is None else str(task.status)
    steps = tuple(steps_of(graph, task.task_id))
    return TriedTask(task.task_id, task.task_type, skills, status, tuple(tries), steps)


def _latest(*times: datetime | None) -> datetime | None:
    return max((it for it in times if it is not None), default=None)


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """From one time to another; negative if the clocks say so; None where one is missing."""
    return None if start is None or end is None else (end - start).total_seconds()
