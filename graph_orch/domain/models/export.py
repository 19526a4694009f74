"""What an export of the graph hands out: nodes with their edges, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from graph_orch.domain.models.agents import Agent
from graph_orch.domain.models.base import Filters, Model, moment, some_moment
from graph_orch.domain.models.events import TaskTry
from graph_orch.domain.models.tasks import Task
from graph_orch.domain.values import Name, OneOrMore, skill_key


class AgentFilters(Filters):
    """Which agents and skills are exported. Each names one or several; nothing selects all."""

    asked = "agents"

    agent_id: OneOrMore[Name] = ()
    skill: OneOrMore[Name] = ()

    if TYPE_CHECKING:  # what may be given is more than what is kept

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
    """A skill: its key, as skills are compared, and its name as it was first written."""

    key: str
    name: str
    description: str | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `skill`, the node's properties."""
        node = record["skill"]
        name = node.get("name")
        return cls.model_construct(
            key=node["key"],
            name=node["key"] if name is None else name,
            description=node.get("description"),
        )


class HeldSkill(NamedTuple):
    """That an agent has a skill; a tuple, since there are a hundred for each agent."""

    key: str
    confidence: float | None
    learned_at: datetime | None


class ExportedAgent(NamedTuple):
    """An agent with its skills, by key."""

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
    """A task with its tries, the first first."""

    task: Task
    tries: list[TaskTry]


class ExportedTeam(NamedTuple):
    """A team as it stands in the graph: its properties, and its members with their edges'."""

    properties: dict[str, Any]
    members: list[tuple[str, dict[str, Any]]]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row of `export/teams`."""
        members = sorted(
            (edge for edge in record["members"] if edge[0] is not None), key=lambda edge: edge[0]
        )
        return cls(
            _with_moments(record["team"]),
            [(agent_id, _with_moments(edge)) for agent_id, edge in members],
        )


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Some of the nodes of the graph; its length is their number."""

    skills: Sequence[Skill] = ()
    agents: Sequence[ExportedAgent] = ()
    tasks: Sequence[ExportedTask] = ()
    teams: Sequence[ExportedTeam] = ()

    def __len__(self) -> int:
        return len(self.skills) + len(self.agents) + len(self.tasks) + len(self.teams)


class StoreCounts(Model):
    """How many nodes a graph holds, and when it said so, by its own clock."""

    agents: int
    skills: int
    tasks: int
    teams: int
    taken_at: datetime

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row of `export/counts`."""
        return cls.model_validate({**record, "taken_at": some_moment(record["taken_at"])})


_moment: Callable[[Any], datetime | None] = lru_cache(maxsize=10_000)(moment)
"""Skills are learned many at once, and then share one time."""


def _with_moments(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in properties.items()}


def _plain(value: Any) -> Any:
    """A property of which only the graph knows the kind; of times it has several."""
    to_native = getattr(value, "to_native", None)
    if to_native is None:
        return value
    native = to_native()
    aware = isinstance(native, datetime) and native.tzinfo is not None
    return native.astimezone(UTC) if aware else native
