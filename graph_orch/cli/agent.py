"""`graph-orch agent …`"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from graph_orch import Agent, CircuitBreaker
from graph_orch.cli.durations import seconds
from graph_orch.cli.input import text_of
from graph_orch.cli.output import Json, say, show, show_json, show_list
from graph_orch.cli.store import connect
from graph_orch.errors import AgentNotFoundError, ValidationError

app = typer.Typer(no_args_is_help=True, help="Register agents and see how they perform.")

COLUMNS: dict[str, str | Callable[[Agent], object]] = {
    "agent": "agent_id",
    "skills": lambda agent: ", ".join(agent.capabilities),
    "held": "active_tasks",
    "slots": "max_concurrent_tasks",
    "done": "total_completed",
    "failed": "total_failed",
    "success": "success_rate",
    "average ms": "avg_completion_ms",
}

AgentId = Annotated[str, typer.Argument(help="The agent's id.")]
Skill = Annotated[list[str] | None, typer.Option("--skill", "-s", help="A skill; may be repeated.")]
Slots = Annotated[
    int | None,
    typer.Option(
        "--slots", help="How many tasks it may hold at once; by default as before, or 5 if new."
    ),
]


Label = Annotated[
    list[str] | None,
    typer.Option("--label", help="What it is besides, as region=eu; may be repeated."),
]


@app.command("register", epilog="Example: graph-orch agent register ada -s python -s sql")
def register(
    agent_id: AgentId,
    skill: Skill = None,
    slots: Slots = None,
    label: Label = None,
    as_json: Json = False,
) -> None:
    """Register an agent, or change what is given of one: skills or labels replace all it has."""
    with connect() as orch:
        skills = orch.agents.get_agent_capability(agent_id) if skill is None else skill
        agent = orch.agents.register_agent(
            agent_id, skills, max_concurrent_tasks=slots, labels=label
        )
    show(agent, as_json)


@app.command("list", epilog="Example: graph-orch agent list --json")
def list_(as_json: Json = False) -> None:
    """List the registered agents."""
    with connect() as orch:
        agents = orch.agents.list()
    show_list(agents, COLUMNS, as_json)


@app.command("show", epilog="Example: graph-orch agent show ada")
def show_(agent_id: AgentId, as_json: Json = False) -> None:
    """Show an agent."""
    show(_get(agent_id), as_json)


@app.command("learn", epilog="Example: graph-orch agent learn ada cypher --confidence 0.8")
def learn(
    agent_id: AgentId,
    skill: Annotated[str, typer.Argument(help="The skill that it gets.")],
    confidence: Annotated[
        float, typer.Option(help="The confidence in the skill, from 0 to 1.")
    ] = 1.0,
    as_json: Json = False,
) -> None:
    """Give an agent a skill."""
    with connect() as orch:
        agent = orch.agents.learn_new_capability(agent_id, skill, confidence)
    show(agent, as_json)


@app.command("guard", epilog="Example: graph-orch agent guard human-approval")
def guard(
    skill: Annotated[str, typer.Argument(help="The skill.")],
    off: Annotated[bool, typer.Option("--off", help="Take the mark away.")] = False,
    as_json: Json = False,
) -> None:
    """Mark a skill as one that only an administrator teaches; list all such skills."""
    with connect() as orch:
        names = orch.agents.guard_skill(skill, not off)
    if as_json:
        show_json(names)
    else:
        say(f"guarded: {', '.join(names) or 'none'}")


@app.command("breaker", epilog="Example: graph-orch agent breaker ada --failures 3 --pause 1m")
def breaker(
    agent_id: AgentId,
    failures: Annotated[int | None, typer.Option(help="So many in a row pause the agent.")] = None,
    pause: Annotated[str, typer.Option(help="For how long, such as 1m.")] = "1m",
    off: Annotated[bool, typer.Option("--off", help="Never pause it for that.")] = False,
    as_json: Json = False,
) -> None:
    """Pause an agent that keeps failing, and then try it with one task at a time."""
    if (failures is None) is not off:
        raise typer.BadParameter("give --failures, or --off; `graph-orch agent show` shows what is")
    wanted = None
    if failures is not None:
        wanted = CircuitBreaker(failures=failures, pause_seconds=seconds(pause))
    with connect() as orch:
        agent = orch.agents.set_circuit_breaker(agent_id, wanted)
    show(agent, as_json)


@app.command("remove", epilog="Example: graph-orch agent remove ada")
def remove(agent_id: AgentId, as_json: Json = False) -> None:
    """Remove an agent: the tasks that it held return to pending, and its history stays."""
    with connect() as orch:
        agent = orch.agents.deregister_agent(agent_id)
    if as_json:
        show_json(agent)
    else:
        say(f"removed {agent.agent_id}; {agent.active_tasks} held tasks returned to pending")


@app.command("import", epilog="Example: graph-orch agent import https://example.org")
def import_(
    card: Annotated[str, typer.Argument(metavar="CARD.json|URL", help="An A2A agent card.")],
    agent_id: Annotated[
        str | None, typer.Option("--id", help="Its id; by default its name.")
    ] = None,
    slots: Slots = None,
    as_json: Json = False,
) -> None:
    """Register an agent from its A2A agent card: the ids, names and tags of its skills are skills.

    If the agent is registered already, its card and skills are replaced, and the rest stays.
    """
    a2a = _a2a()
    is_url = card.lower().startswith(("http://", "https://"))
    parsed = asyncio.run(a2a.fetch_card(card)) if is_url else a2a.parse_card(text_of(Path(card)))
    new = a2a.registration(parsed, agent_id)
    with connect() as orch:
        known = orch.agents.get_agent(new.agent_id)
        kept = known.metadata if known is not None and isinstance(known.metadata, dict) else {}
        agent = orch.agents.register_agent(
            new.agent_id, new.capabilities, {**kept, **new.metadata}, max_concurrent_tasks=slots
        )
    show(agent, as_json)


@app.command("export", epilog="Example: graph-orch agent export ada > ada.json")
def export(
    agent_id: AgentId,
    url: Annotated[str, typer.Option(help="Its URL, for a card that does not give it.")] = "",
    as_json: Json = False,
) -> None:
    """Print an agent's A2A agent card (always JSON)."""
    del as_json
    a2a = _a2a()
    show_json(a2a.to_json(a2a.card_of(_get(agent_id), url)))


def _get(agent_id: str) -> Agent:
    with connect() as orch:
        agent = orch.agents.get_agent(agent_id)
    if agent is None:
        raise AgentNotFoundError(agent_id)
    return agent


def _a2a() -> ModuleType:
    try:
        from graph_orch.serve import a2a
    except ImportError as error:
        raise ValidationError("install graph-orch[a2a] to read and write agent cards") from error
    return a2a
