"""The parts of an export: the graph's nodes with their edges, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydantic import Field

from graph_orch.domain.fields import Name, OneOrMore
from graph_orch.domain.forms import skill_key
from graph_orch.domain.models.agents import Agent
from graph_orch.domain.models.base import Filters, Model, moment
from graph_orch.domain.models.budgets import BudgetState
from graph_orch.domain.models.events import Step, TaskTry
from graph_orch.domain.models.gates import Gate
from graph_orch.domain.models.tasks import Task


class AgentFilters(Filters):
    """Which agents and skills are exported. Each names one or several; no filter selects all."""

    method = "agents"

    agent_id: OneOrMore[Name] = ()
    skill: OneOrMore[Name] = ()

    if TYPE_CHECKING:  # callers may give more types than the fields have

        def __init__(
            self,
            *,
            agent_id: str | Iterable[str] | None = None,
            skill: str | Iterable[str] | None = None,
        ) -> None: ...

    @property
    def skill_keys(self) -> set[str]:
        """The keys of the skills asked for."""
        return {skill_key(name) for name in self.skill}


class Skill(Model):
    """A skill."""

    key: str = Field(description="The form in which skills are compared")
    name: str = Field(description="The name as it was first written")
    description: str | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `skill`, the node's properties."""
        values = cls.decoded(record["skill"])
        return cls.stored(values | {"name": values["name"] or values["key"]})


class HeldSkill(NamedTuple):
    """A skill of an agent. It is a tuple, and not a model, since an agent may have hundreds."""

    key: str
    confidence: float | None
    learned_at: datetime | None


class ExportedAgent(NamedTuple):
    """An agent with its skills, sorted by key."""

    agent: Agent
    held: list[HeldSkill]

    @classmethod
    def from_record(cls, record: Mapping[str, Any], names: Mapping[str, str]) -> Self:
        """From a row of `export/agents`, and the names of the skills by their keys."""
        node = record["agent"]
        named = [(key, names.get(key, key)) for key in node["skills"]]
        held = sorted(record["held"], key=lambda edge: edge[0])
        return cls(
            Agent.from_record({"agent": node, "names": named}),
            [HeldSkill(key, confidence, _moment(at)) for key, confidence, at in held],
        )


class ExportedTask(NamedTuple):
    """A task with its tries, the first one first, and what stands around it."""

    task: Task
    tries: list[TaskTry]
    gate_ids: Sequence[str] = ()
    steps: Sequence[Step] = ()
    """Those that its handler has kept, the first one first, without what they gave."""
    charges: str | None = None
    """The budget of its workflow, where that pays for it, as `workflow:ID`."""


class ExportedTeam(NamedTuple):
    """A team: its node's properties, and for each member the agent id and its edge's properties."""

    properties: dict[str, Any]
    members: list[tuple[str, dict[str, Any]]]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row of `export/teams`."""
        members = [(agent_id, edge) for agent_id, edge in record["members"] if agent_id is not None]
        members.sort(key=lambda member: member[0])
        return cls(record["team"], members)


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Some of the nodes of the graph; `len` counts them, without gates and budgets, which come with
    those that they are of, and may come again."""

    skills: Sequence[Skill] = ()
    agents: Sequence[ExportedAgent] = ()
    tasks: Sequence[ExportedTask] = ()
    teams: Sequence[ExportedTeam] = ()
    gates: Sequence[Gate] = ()
    budgets: Sequence[BudgetState] = ()

    def __len__(self) -> int:
        lists = (self.skills, self.agents, self.tasks, self.teams)
        return sum(map(len, lists))


class StoreCounts(Model):
    """How many nodes a graph holds."""

    agents: int
    skills: int
    tasks: int
    teams: int
    taken_at: datetime = Field(description="When they were counted, by the server's clock, UTC")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row of `export/counts`."""
        return cls(**cls.decoded(record))


_moment: Callable[[Any], datetime | None] = lru_cache(maxsize=10_000)(moment)
"""An agent learns many skills at once, which then share one time."""
