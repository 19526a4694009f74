"""Conversion between A2A agent cards and the agents of the registry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from a2a.client.card_resolver import parse_agent_card
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from google.protobuf.json_format import MessageToDict, ParseError
from pydantic import JsonValue

from graph_orch import Agent
from graph_orch.domain.fields import JSON_OBJECT
from graph_orch.domain.forms import dump_json, shortened, skill_key
from graph_orch.errors import ValidationError

CARD = "a2a_card"
"""The metadata key under which an agent keeps the card that it was registered from."""
TEXT, DATA = "text/plain", "application/json"
MOST_SCHEMA = 10_000
"""Characters of the schemas of one task type on a card."""


@dataclass(frozen=True)
class Registration:
    """The arguments of `register_agent` for an agent card."""

    agent_id: str
    capabilities: list[str]
    metadata: dict[str, JsonValue]


def parse_card(text: str) -> AgentCard:
    """Parse an agent card of A2A 1.x or 0.3 from JSON.

    Raises:
        ValidationError: the text is no agent card.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValidationError(f"this is no A2A agent card: {error}") from error
    except RecursionError:
        raise ValidationError("this is no A2A agent card: it is nested too deeply") from None
    return _parsed(found)


def _parsed(found: object) -> AgentCard:
    """Parse a card from JSON values, which are first checked to be what metadata can keep.

    The parser raises SystemError for half of a surrogate pair, and it changes its argument.
    """
    try:
        return parse_agent_card(JSON_OBJECT.of("card", found))
    except (ValueError, OverflowError, ParseError) as error:
        raise ValidationError(f"this is no A2A agent card: {error!s:.500}") from error


def registration(card: AgentCard, agent_id: str | None = None) -> Registration:
    """The registration of a card's agent, called `agent_id` or else by the name on the card.

    The ids, names and tags of the card's skills all become skills, so that a task may require any.

    Raises:
        ValidationError: the card has no name, and no id is given.
    """
    name = agent_id or card.name.strip()
    if not name:
        raise ValidationError("the agent card has no name; give the agent's id")
    words = [word for skill in card.skills for word in (skill.id, skill.name, *skill.tags)]
    skills = {skill_key(word): word.strip() for word in words if word.strip()}
    kept = cast(dict[str, JsonValue], MessageToDict(card))
    return Registration(name, list(skills.values()), {CARD: kept})


def card_of(agent: Agent, url: str) -> AgentCard:
    """The card of an agent: the one that it was registered from, or one made from its skills.

    Skills that it has learned since are added, and skills that it has forgotten are left out.

    Raises:
        ValidationError: the card in its metadata is not valid.
    """
    metadata = agent.metadata if isinstance(agent.metadata, dict) else {}
    kept = metadata.get(CARD)
    card = _parsed(kept) if isinstance(kept, dict) else _new_card(agent.agent_id, url)
    known = [skill for skill in card.skills if _words(skill).intersection(agent.skills)]
    named = {word for skill in known for word in _words(skill)}
    learned = [name for name in agent.capabilities if skill_key(name) not in named]
    del card.skills[:]
    card.skills.extend([*known, *skills(learned)])
    return card


def service_card(
    url: str,
    names: Iterable[str],
    takes_tasks: bool = True,
    schemas: Mapping[str, JsonValue] = MappingProxyType({}),
) -> AgentCard:
    """The card of the queue itself; where it takes tasks, with the skills of all agents.

    Args:
        schemas: By task type, what typed handlers take and give: each type is a skill too.
    """
    card = _new_card("graph_orch", url)
    if not takes_tasks:
        card.description = "A queue of tasks, which can be read here; it takes no new tasks."
        return card
    card.description = (
        "A queue of tasks, each done by an agent that has the skills for it. The metadata of a "
        "message may say task_type, priority, requirements, dependencies, max_retries."
    )
    card.skills.extend(skills(names))
    for task_type, schema in schemas.items():
        told = shortened(dump_json(schema), MOST_SCHEMA)
        card.skills.append(
            AgentSkill(
                id=f"task_type:{task_type}",
                name=task_type,
                description=f"Tasks of the task_type {task_type!r}, by these JSON schemas: {told}",
                tags=["task_type"],
                input_modes=[DATA],
                output_modes=[DATA],
            )
        )
    return card


def skills(names: Iterable[str]) -> list[AgentSkill]:
    """The skills of a card, from their names."""
    return [
        AgentSkill(
            id=skill_key(name), name=name, description=f"Tasks that need {name}", tags=[name]
        )
        for name in names
    ]


def to_json(card: AgentCard) -> Mapping[str, Any]:
    """A card as JSON values."""
    return MessageToDict(card)


def _words(skill: AgentSkill) -> set[str]:
    return {skill_key(word) for word in (skill.id, skill.name, *skill.tags)}


def _new_card(name: str, url: str) -> AgentCard:
    return AgentCard(
        name=name,
        description=f"The agent {name} of a graph_orch queue",
        version="1",
        supported_interfaces=[
            AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0")
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=False),
        default_input_modes=[TEXT, DATA],
        default_output_modes=[TEXT, DATA],
    )
