"""What the nodes of a graph say of tasks, tries and agents: read and checked here, once.

Attributes have the names and the types that a snapshot gives them. What is missing is None; what is
there and of another type is refused, with the node, the attribute and what it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias, cast

import networkx as nx

from graph_orch.analysis.checks import (
    member,
    moment,
    node,
    nodes,
    number,
    shown,
    text,
    texts,
    whole,
)
from graph_orch.domain.durations import estimated
from graph_orch.domain.forms import skill_key
from graph_orch.domain.lifecycle import DependencyFailure, TaskPriority, TaskStatus
from graph_orch.domain.scheduling import AgentSlots
from graph_orch.errors import UnreadableGraphError, ValidationError

Graph: TypeAlias = "nx.Graph[Any]"
Attributes: TypeAlias = Mapping[str, Any]


class TaskNode(NamedTuple):
    """A task, as a graph has it. `task_id` is its node.

    `requirements` are the names of the skills that it requires, `skills` the keys of these: its
    attribute `requirements`, or else what its edges of the type REQUIRES lead to.
    """

    task_id: Any
    requirements: tuple[str, ...] = ()
    skills: frozenset[str] = frozenset()
    task_type: str | None = None
    status: TaskStatus | None = None
    priority: TaskPriority | None = None
    excluded_agents: frozenset[Any] = frozenset()
    assigned_to: Any = None
    concurrency_key: str | None = None
    on_dependency_failure: DependencyFailure | None = None
    error_message: str | None = None
    created_at: datetime | None = None
    available_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    schedule_to_close_seconds: float | None = None
    estimated_seconds: float | None = None
    execution_duration_ms: float | None = None
    attempt: int = 0
    retry_count: int = 0
    max_retries: int | None = None
    unmet: int = 0
    workflow_id: str | None = None
    name: str | None = None
    independent_of: tuple[Any, ...] = ()
    closed_gates: frozenset[Any] = frozenset()
    """The gates, not passed yet, to which its edges of the type WAITS_FOR lead."""
    closed_budget: str | None = None
    """The owner of the budget to which its edge of the type CHARGES leads, if that is closed, or
    has not enough left for the task."""

    def has(self, statuses: Collection[TaskStatus | None]) -> bool:
        """Whether its status is one of these; a task that tells none has none."""
        return self.status in statuses

    @property
    def is_live(self) -> bool:
        """Whether it has not ended; a task that tells no status has not."""
        return self.status not in _ENDED


class TryNode(NamedTuple):
    """One try of a task, as a graph has it: an entry of `tries`, or an edge ASSIGNED_TO."""

    agent_id: Any
    attempt: int
    assigned_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    blameless: bool


class StepNode(NamedTuple):
    """A step that a task's handler has kept, as a graph has it: an entry of `steps`."""

    key: str
    at: datetime
    """When it was kept, which is when it ended."""
    duration_ms: float | None
    attempt: int


_ENDED = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED)


def by_name(key: Hashable) -> tuple[str, str]:
    """The order of nodes that decides ties: 1 and "1" are different nodes with one name."""
    return str(key), type(key).__name__


def is_labelled(attributes: Attributes, *labels: str) -> bool:
    """Whether a node has one of the labels; what is no text is none."""
    label: object = attributes.get("label")
    return isinstance(label, str) and label in labels


def is_kind(graph: Graph, *kinds: str) -> bool:
    """Whether a graph says that it is a snapshot of one of these kinds."""
    kind: object = graph.graph.get("kind")
    return isinstance(kind, str) and kind in kinds


def keys_of(names: Iterable[str]) -> frozenset[str]:
    """The keys by which skills are compared, of their names."""
    return frozenset(map(skill_key, names))


class reading:
    """Say of what is refused inside that it is the graph, and of which node.

    Raises:
        UnreadableGraphError: a check inside failed.
    """

    def __init__(self, key: object = None) -> None:
        self._key = key

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, ValidationError):
            where = "" if self._key is None else f"node {self._key!r:.100}: "
            raise UnreadableGraphError(f"{where}{error}") from None


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "task_type": lambda what, value: str(value),
    "status": lambda what, value: member(what, value, TaskStatus),
    "priority": lambda what, value: member(what, value, TaskPriority),
    "excluded_agents": lambda what, value: frozenset(nodes(what, value)),
    "assigned_to": node,
    "concurrency_key": text,
    "on_dependency_failure": lambda what, value: member(what, value, DependencyFailure),
    "error_message": text,
    "independent_of": lambda what, value: tuple(nodes(what, value)),
    "workflow_id": text,
    "name": text,
    **dict.fromkeys(("created_at", "available_at", "started_at", "completed_at"), moment),
    **dict.fromkeys(("schedule_to_close_seconds", "execution_duration_ms"), number),
    **dict.fromkeys(("attempt", "retry_count", "max_retries", "unmet"), whole),
}
"""What the attributes of a task must be."""


def _is_short(budget: Attributes, task: Attributes) -> bool:
    """Whether a budget is closed, or has not enough left for a task: see `budgets/short`."""
    if budget.get("is_closed") is True:
        return True
    left, spent = _amounts(budget.get("left")), _amounts(budget.get("spent"))
    tries = spent.get("tries", 0)
    wanted = {name: amount / tries for name, amount in spent.items()} if tries else {}
    if task.get("estimate") is not None:
        wanted = _amounts(task["estimate"])
    wanted["tries"] = max(1, wanted.get("tries", 1))
    return any(amount <= 0 or wanted.get(name, 0) > amount for name, amount in left.items())


def _amounts(value: object) -> dict[str, float]:
    """The amounts of a budget, by their names."""
    if not isinstance(value, Mapping):
        return {}
    given = cast("Mapping[str, object]", value)
    return {
        name: amount
        for name, amount in given.items()
        if isinstance(amount, int | float) and not isinstance(amount, bool)
    }


class TaskReader:
    """Reads the tasks of a graph. What many tasks have in common is kept once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._skills: dict[tuple[str, ...], frozenset[str]] = {}

    def read(self, key: Any, one: Attributes) -> TaskNode:
        """A task.

        Raises:
            UnreadableGraphError: an attribute is not what it must be.
        """
        with reading(key):
            found = {
                name: _CHECKS[name](name, value)
                for name, value in one.items()
                if name in _CHECKS and value is not None
            }
            if (estimate := estimated(one.get("metadata"))) is not None:
                found["estimated_seconds"] = number("metadata['estimated_seconds']", estimate)
            names = self._requirements(key, one)
            if names not in self._skills:
                self._skills[names] = keys_of(names)
            gates: set[Any] = set()
            for _, other, edge in self._graph.edges(key, data=True):
                there = self._graph.nodes[other]
                if edge.get("type") == "WAITS_FOR":
                    if there.get("status") not in ("approved", "answered"):
                        gates.add(other)
                elif edge.get("type") == "CHARGES" and _is_short(there, one):
                    found["closed_budget"] = str(there.get("owner", other))
            if gates:
                found["closed_gates"] = frozenset(gates)
            return TaskNode(key, names, self._skills[names], **found)

    def _requirements(self, key: Any, one: Attributes) -> tuple[str, ...]:
        given = one.get("requirements")
        if given is not None:
            return texts("requirements", given)
        edges = self._graph.edges(key, data=True)
        return tuple(
            str(other).removeprefix("skill:")
            for _, other, edge in edges
            if str(edge.get("type")) == "REQUIRES"
        )


def stated_tasks(graph: Graph) -> dict[Any, TaskNode]:
    """The nodes that say that they are tasks, by their label or by what only tasks have; by name.

    Raises:
        UnreadableGraphError: an attribute is not what it must be.
    """
    rows = [
        (key, one)
        for key, one in graph.nodes(data=True)
        if is_labelled(one, "Task") or (one.get("label") is None and not _OF_TASKS.isdisjoint(one))
    ]
    reader = TaskReader(graph)
    return {key: reader.read(key, one) for key, one in sorted(rows, key=lambda it: by_name(it[0]))}


_OF_TASKS = frozenset({"requirements", "task_type", "tries"})


def tries_of(graph: Graph, key: Any) -> list[TryNode]:
    """A task's tries, oldest first: its `tries`, or else its edges of the type ASSIGNED_TO.

    Raises:
        UnreadableGraphError: they are no list of mappings, or one is not what it must be.
    """
    given: Any = graph.nodes[key].get("tries")
    if given is None:
        given = [
            {"agent_id": agent, **edge}
            for _, agent, edge in graph.edges(key, data=True)
            if str(edge.get("type")) == "ASSIGNED_TO"
        ]
    with reading(key):
        if not isinstance(given, list | tuple):
            raise ValidationError(f"tries is {shown(given)}; give a list of mappings")
        found = [_try(one) for one in cast(Iterable[object], given)]
    return sorted(found, key=lambda one: one.attempt)


def _try(given: object) -> TryNode:
    if not isinstance(given, Mapping):
        raise ValidationError(f"a try is {shown(given)}; give a mapping")
    one = cast(Attributes, given)

    def at(name: str) -> datetime | None:
        value = one.get(name)
        return None if value is None else moment(f"a try: {name}", value)

    outcome = one.get("outcome")
    return TryNode(
        agent_id=node("a try: agent_id", one.get("agent_id")),
        attempt=whole("a try: attempt", one.get("attempt", 0)),
        assigned_at=at("assigned_at"),
        started_at=at("started_at"),
        ended_at=at("ended_at"),
        outcome=None if outcome is None else str(outcome),
        blameless=one.get("blameless") is True,
    )


def steps_of(graph: Graph, key: Any) -> list[StepNode]:
    """The steps that a task's handler has kept, in the order in which it kept them.

    Raises:
        UnreadableGraphError: they are no list of mappings, or one is not what it must be.
    """
    given: Any = graph.nodes[key].get("steps") or []
    found: list[StepNode] = []
    with reading(key):
        for one in cast(Iterable[Any], given) if isinstance(given, list | tuple) else [given]:
            if not isinstance(one, Mapping):
                raise ValidationError(f"a step is {shown(one)}; give a mapping")
            step = cast(Attributes, one)
            took = step.get("duration_ms")
            found.append(
                StepNode(
                    key=text("a step: key", step.get("key")),
                    at=moment("a step: at", step.get("at")),
                    duration_ms=None if took is None else number("a step: duration_ms", took),
                    attempt=whole("a step: attempt", step.get("attempt", 0)),
                )
            )
    return sorted(found, key=lambda one: (one.at, one.key))


def agents_of(graph: Graph) -> tuple[AgentSlots, ...] | None:
    """The agents of a graph, by id; None where it is of a kind that holds none.

    Their skills are their `capabilities`; where they lack those, the skills they point to.

    Raises:
        UnreadableGraphError: an attribute is not what it must be.
    """
    rows = [(key, one) for key, one in graph.nodes(data=True) if is_labelled(one, "Agent")]
    if not rows and not is_kind(graph, "all", "agents-skills"):
        return None
    found: list[AgentSlots] = []
    for key, one in rows:
        with reading(key):
            skills = keys_of(skill_names(graph, key))
            slots = whole("max_concurrent_tasks", one.get("max_concurrent_tasks", 5))
            found.append(
                AgentSlots(key, skills, slots, whole("active_tasks", one.get("active_tasks", 0)))
            )
    return tuple(sorted(found, key=lambda it: by_name(it.agent_id)))


def skill_names(graph: Graph, agent: Any) -> tuple[str, ...]:
    """The names of an agent's skills.

    Raises:
        ValidationError: its `capabilities` are no list of names.
    """
    given = graph.nodes[agent].get("capabilities")
    if given is not None:
        return texts("capabilities (its skills)", given)
    held = [(key, graph.nodes[key]) for key in graph[agent]]
    return tuple(
        str(one.get("key") or one.get("name") or str(key).removeprefix("skill:"))
        for key, one in held
        if is_labelled(one, "Skill")
    )
