"""A NetworkX graph from the pages of an export: no store is needed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal, get_args

import networkx as nx

from graph_orch.domain.forms import skill_key
from graph_orch.domain.models import ExportedAgent, ExportedTask, ExportedTeam, ExportPage, Skill
from graph_orch.domain.models.base import Model
from graph_orch.domain.models.budgets import Budget, BudgetState
from graph_orch.errors import AnalysisError

SnapshotKind = Literal["agents-skills", "tasks", "all"]
KINDS: Final[tuple[str, ...]] = get_args(SnapshotKind)
VERSION: Final = 1
"""Of what a snapshot holds, and so of the files that it is saved in."""

Attributes = dict[str, Any]
Edge = tuple[str, str, str, Attributes]
"""From, to, key, attributes."""

_REPEATED: Final = frozenset(
    {"task_type", "assigned_to", "concurrency_key", "worker_id", "error_message", "agent_id"}
    | {"outcome", "error"}
)
"""Texts that many nodes share: one copy of each is kept."""
_REPEATED_LISTS: Final = frozenset({"requirements", "dependencies", "capabilities"})
_JOINED: Final = {
    ("Agent", "HAS_SKILL", "Skill"),
    ("Task", "DEPENDS_ON", "Task"),
    ("Task", "REQUIRES", "Skill"),
    ("Task", "ASSIGNED_TO", "Agent"),
    ("Agent", "MEMBER_OF", "Team"),
    ("Task", "WAITS_FOR", "Gate"),
    ("Task", "CHARGES", "Budget"),
    ("Agent", "HAS_BUDGET", "Budget"),
    ("Team", "HAS_BUDGET", "Budget"),
}
"""What edges of each type join."""


def skill_node(key: str) -> str:
    """The node of a skill, which could else have the name of an agent."""
    return f"skill:{key}"


def team_node(team_id: str) -> str:
    """The node of a team."""
    return f"team:{team_id}"


def gate_node(gate_id: str) -> str:
    """The node of a gate."""
    return f"gate:{gate_id}"


def budget_node(owner: str) -> str:
    """The node of the budget of an owner, such as `workflow:ID`."""
    return f"budget:{owner}"


class SnapshotBuilder:
    """Takes the pages of an export as they come.

    What joins tasks is added at the end, when it is known which tasks there are.
    """

    def __init__(
        self, kind: SnapshotKind, taken_at: datetime, filters: Mapping[str, Any] | None = None
    ) -> None:
        self._all = kind == "all"
        self._graph: nx.Graph[str] = nx.MultiDiGraph() if self._all else nx.DiGraph()
        self._graph.graph.update(
            kind=kind, version=VERSION, taken_at=taken_at, filters=dict(filters or {})
        )
        self._labels: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._outside = Counter[str]()
        self._joined: dict[str, ExportedTask] = {}

    def add(self, page: ExportPage) -> None:
        """Take the nodes of a page.

        Raises:
            AnalysisError: two things of different kinds would be one node.
        """
        for task in page.tasks:
            self._node(task.task.task_id, "Task", self._task(task))
            if task.gate_ids or task.charges:
                self._joined[task.task.task_id] = task
        for gate in page.gates:
            told = self._attributes(gate.model_copy(update={"task_ids": []}))
            self._node(gate_node(gate.gate_id), "Gate", told)
        if self._graph.graph["kind"] != "agents-skills":
            for budget in page.budgets:
                self._node(budget_node(budget.owner), "Budget", self._budget(budget))
        for skill in page.skills:
            self._node(skill_node(skill.key), "Skill", self._skill(skill))
        for agent in page.agents:
            self._node(agent.agent.agent_id, "Agent", self._agent(agent))
            self._edges(self._held(agent))
        for team in page.teams:
            properties = team.properties
            self._node(team_node(properties["team_id"]), "Team", _without_none(properties))
            self._edges(_members(team))

    def finish(self) -> Any:
        """The graph of all that was added."""
        tasks = [name for name, label in self._labels.items() if label == "Task"]
        for task_id in tasks:
            self._edges(self._joins(task_id))
        for name, label in [*self._labels.items()] if self._all else ():
            owner = f"{label.lower()}:{name.removeprefix('team:')}"
            if label in ("Agent", "Team") and budget_node(owner) in self._labels:
                self._edges([(name, budget_node(owner), "HAS_BUDGET", {"type": "HAS_BUDGET"})])
        if self._graph.graph["kind"] != "agents-skills":
            tries = (len(self._graph.nodes[task_id]["tries"]) for task_id in tasks)
            self._graph.graph.update(tries=sum(tries), outside=self._points_outside())
        return self._graph

    def _points_outside(self) -> dict[str, int]:
        kinds = ("DEPENDS_ON", "ASSIGNED_TO", "MEMBER_OF") if self._all else ("DEPENDS_ON",)
        return {kind: self._outside[kind] for kind in kinds}

    def _node(self, name: str, label: str, attributes: Attributes) -> None:
        there = self._labels.setdefault(self._text(name), label)
        if there != label:
            raise AnalysisError(_collision(name, label, there))
        self._graph.add_nodes_from([(self._text(name), {"label": label} | attributes)])

    def _edges(self, edges: Iterable[Edge]) -> None:
        """Add the edges whose ends are there, and count those that lead out of the snapshot."""
        found = [edge for edge in edges if self._inside(edge)]
        if self._all:
            self._graph.add_edges_from(found)  # pyright: ignore[reportArgumentType]
        else:
            self._graph.add_edges_from((start, end, data) for start, end, _, data in found)

    def _inside(self, edge: Edge) -> bool:
        start, end, _, data = edge
        inside = (self._labels.get(start), data["type"], self._labels.get(end)) in _JOINED
        if not inside:
            self._outside[data["type"]] += 1
        return inside

    def _text(self, text: str) -> str:
        return self._texts.setdefault(text, text)

    def _skill(self, skill: Skill) -> Attributes:
        return _without_none(dict(skill)) | {"bipartite": 1}

    def _agent(self, agent: ExportedAgent) -> Attributes:
        return self._attributes(agent.agent) | {"bipartite": 0}

    def _task(self, task: ExportedTask) -> Attributes:
        found = self._attributes(task.task)
        found["tries"] = [self._attributes(it) for it in task.tries]
        if task.steps:
            found["steps"] = [self._attributes(it) for it in task.steps]
        return found

    def _budget(self, budget: BudgetState) -> Attributes:
        found = self._attributes(budget) | {"currency": budget.budget.currency}
        for name in ("budget", "spent", "reserved", "left"):
            amounts: Budget = getattr(budget, name)
            found[name] = self._attributes(amounts.model_copy(update={"currency": None}))
        return found

    def _attributes(self, fields: Iterable[tuple[str, Any]]) -> Attributes:
        """A model's fields as attributes: no None, plain values, one copy of what repeats."""
        same, found = self._texts.setdefault, Attributes()
        for name, value in fields:
            if value is None:
                continue
            if isinstance(value, Enum):
                value = value.value
            if isinstance(value, Decimal):
                found[name] = float(value)
            elif isinstance(value, Model):
                found[name] = self._attributes(value)
            elif name in _REPEATED:
                found[name] = same(value, value)
            elif name in _REPEATED_LISTS:
                found[name] = [same(text, text) for text in value if text is not None]
            else:
                found[name] = value
        return found

    def _held(self, agent: ExportedAgent) -> Iterator[Edge]:
        agent_id = self._text(agent.agent.agent_id)
        for key, confidence, learned_at in agent.held:
            name = skill_node(key)
            if self._labels.get(name) != "Skill":
                self._node(name, "Skill", {"key": key, "name": key, "bipartite": 1})
            edge = {"type": "HAS_SKILL", "confidence": confidence, "learned_at": learned_at}
            yield agent_id, self._text(name), "HAS_SKILL", _without_none(edge)

    def _joins(self, task_id: str) -> Iterator[Edge]:
        task: Attributes = self._graph.nodes[task_id]
        for dependency in task["dependencies"]:
            yield task_id, dependency, "DEPENDS_ON", {"type": "DEPENDS_ON"}
        if (joined := self._joined.get(task_id)) is not None:
            for gate_id in joined.gate_ids:
                yield task_id, gate_node(gate_id), "WAITS_FOR", {"type": "WAITS_FOR"}
            if joined.charges is not None:
                yield task_id, budget_node(joined.charges), "CHARGES", {"type": "CHARGES"}
        if self._all:
            yield from self._required(task_id, task["requirements"])
            yield from _tried(task_id, task["tries"])

    def _required(self, task_id: str, names: Iterable[str]) -> Iterator[Edge]:
        for name in names:
            key = skill_key(name)
            node = self._text(skill_node(key))
            if self._labels.get(node) != "Skill":
                self._node(node, "Skill", {"key": key, "name": name, "bipartite": 1})
            yield task_id, node, "REQUIRES", {"type": "REQUIRES"}


def _tried(task_id: str, tries: Iterable[Attributes]) -> Iterator[Edge]:
    for it in tries:
        edge = {"type": "ASSIGNED_TO"} | {name: it[name] for name in it if name != "agent_id"}
        yield task_id, it["agent_id"], f"ASSIGNED_TO:{it['attempt']}", edge


def _members(team: ExportedTeam) -> Iterator[Edge]:
    name = team_node(team.properties["team_id"])
    for agent_id, edge in team.members:
        yield agent_id, name, "MEMBER_OF", _without_none(edge) | {"type": "MEMBER_OF"}


def _without_none(values: Mapping[str, Any]) -> Attributes:
    return {name: value for name, value in values.items() if value is not None}


def _collision(name: str, label: str, there: str) -> str:
    return (
        f"snapshot: {_named(there, name)} and {_named(label, name)} would both be node {name!r} of "
        "the graph; leave one of them out with a filter (agent_id= or skill= for the agents, "
        "status=, task_type= or created_after= for the tasks), or take the kinds 'agents-skills' "
        "and 'tasks' one by one"
    )


def _named(label: str, node: str) -> str:
    """What a node is called in its own place: a skill or a team has no prefix there."""
    prefix = "" if label in ("Task", "Agent") else f"{label.lower()}:"
    return f"{label.lower()} {node.removeprefix(prefix)!r}"
