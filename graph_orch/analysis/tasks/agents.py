"""The agents of a graph, with their skills and slots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

import networkx as nx

from graph_orch.analysis.labels import is_kind, is_labelled
from graph_orch.analysis.tasks.attributes import names, shown, whole
from graph_orch.analysis.tasks.graph import nameable
from graph_orch.domain.models import Agent
from graph_orch.domain.values import skill_key
from graph_orch.errors import ValidationError


class AgentSlots(NamedTuple):
    """An agent: the keys of its skills, how many tasks it works on at once, and holds now."""

    agent_id: str
    skills: frozenset[str]
    slots: int = 1
    active: int = 0


def keys_of(skills: object, what: str) -> frozenset[str]:
    """The keys of some skills, given by name.

    Raises:
        ValidationError: these are no names.
    """
    return frozenset(map(skill_key, names(f"the skills of {what}", skills)))


def agents_of(graph: nx.Graph[Any]) -> list[AgentSlots] | None:
    """The agents of a graph, by id; None where it is of a kind that holds none.

    Their skills are their `capabilities`; where they lack those, the skills they point to.
    """
    rows = [(key, one) for key, one in graph.nodes(data=True) if is_labelled(one, "Agent")]
    if not rows and not is_kind(graph, "all", "agents-skills"):
        return None
    found = [_agent(graph, key, one) for key, one in rows]
    return sorted(found, key=lambda it: str(it.agent_id))


def _agent(graph: nx.Graph[Any], key: Any, one: Mapping[str, Any]) -> AgentSlots:
    skills = one.get("capabilities")
    if skills is None:
        held = [graph.nodes[other] for other in graph[key]]
        skills = [it["key"] for it in held if is_labelled(it, "Skill") and "key" in it]
    return AgentSlots(
        agent_id=key,
        skills=keys_of(skills, f"agent {shown(key)}"),
        slots=_slots(one.get("max_concurrent_tasks", 5), key),
        active=whole(f"the active_tasks of agent {shown(key)}", one.get("active_tasks", 0)),
    )


def _slots(value: object, agent: object) -> int:
    return whole(f"the number of slots of agent {shown(agent)}", value)


def agents_given(agents: object) -> list[AgentSlots]:
    """Agents as a caller may give them: see `earliest_finish`.

    Raises:
        ValidationError: they are given otherwise, or one is there twice.
    """
    if isinstance(agents, nx.Graph):
        found = agents_of(cast("nx.Graph[Any]", agents))
        if found is None:
            raise ValidationError('this graph holds no agents: take snapshot(orch, "all")')
        return found
    if isinstance(agents, Mapping):
        rows = cast(Mapping[Any, object], agents).items()
        found = [_described(key, value) for key, value in rows]
    elif isinstance(agents, Iterable) and not isinstance(agents, str | bytes):
        found = [_one(it) for it in cast(Iterable[object], agents)]
    else:
        raise ValidationError(f"agents: {shown(agents)} is neither a list of agents nor a mapping")
    if len({it.agent_id for it in found}) < len(found):
        raise ValidationError("agents: two of them have the same id")
    return sorted(found, key=lambda it: str(it.agent_id))


def _one(given: object) -> AgentSlots:
    if isinstance(given, Agent):
        return AgentSlots(given.agent_id, frozenset(given.skills), given.max_concurrent_tasks)
    if isinstance(given, AgentSlots):
        skills = keys_of(given.skills, f"agent {shown(given.agent_id)}")
        return AgentSlots(nameable(given.agent_id), skills, _slots(given.slots, given.agent_id))
    raise ValidationError(
        f"agents: {shown(given)} is neither an Agent nor an AgentSlots; or give a mapping of ids "
        "to skills"
    )


def _described(agent_id: Any, given: object) -> AgentSlots:
    slots: object = 1
    if isinstance(given, Mapping):
        told = cast(Mapping[str, object], given)
        slots = told.get("max_concurrent_tasks", 1)
        given = told.get("capabilities", ())
    skills = keys_of(given, f"agent {shown(agent_id)}")
    return AgentSlots(agent_id, skills, _slots(slots, agent_id))
