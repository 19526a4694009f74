"""`graph-orch subscription …`"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from graph_orch import Subscription
from graph_orch.cli.events import ByAgent, Skill, Team, Where, Workflow, say_events
from graph_orch.cli.output import Json, Lines, say, show, show_list
from graph_orch.cli.store import connect

app = typer.Typer(no_args_is_help=True, help="Read events from where they were acknowledged.")

Name = Annotated[str, typer.Argument(help="The name of the subscription.")]
COLUMNS: dict[str, str | Callable[[Subscription], object]] = {
    "name": "name",
    "pattern": "pattern",
    "deliver": "deliver",
    "workflow": "workflow_id",
    "agent": "agent_id",
    "team": "team_id",
    "skill": "skill",
    "where": lambda it: Lines(it.where),
    "position": "position",
    "behind": "behind",
    "reader": "reader",
}


@app.command("put", epilog="Example: graph-orch subscription put news 'completed:research/*'")
def put(
    name: Name,
    pattern: Annotated[str, typer.Argument(help="EVENTS:TASK_TYPES, with * and ?.")] = "*:*",
    workflow: Workflow = None,
    agent: ByAgent = None,
    team: Team = None,
    skill: Skill = None,
    where: Where = None,
    after: Annotated[
        int | None, typer.Option(help="Begin after this position; by default with what comes.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a subscription, or replace one, which keeps its position."""
    with connect() as orch:
        found = orch.subscriptions.put(
            name,
            pattern,
            workflow_id=workflow,
            agent_id=agent,
            team_id=team,
            skill=skill,
            where=where,
            after=after,
        )
    show(found, as_json)


@app.command("list", epilog="Example: graph-orch subscription list")
def list_(as_json: Json = False) -> None:
    """List the subscriptions, and how far behind each is."""
    with connect() as orch:
        found = orch.subscriptions.list()
    show_list(found, COLUMNS, as_json)


@app.command("read", epilog="Example: graph-orch subscription read news --ack")
def read(
    name: Name,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 100,
    ack: Annotated[bool, typer.Option("--ack", help="They do not come again.")] = False,
    as_json: Json = False,
) -> None:
    """Print the first events that are not acknowledged."""
    with connect() as orch:
        # Who only looks reads ahead of what is acknowledged: that counts as reading for nobody.
        after = None if ack else orch.subscriptions.get(name).position
        found = orch.subscriptions.read(name, limit, after=after)
        say_events(found, as_json)
        if ack and found:
            orch.subscriptions.ack(name, found[-1].position or 0)


@app.command("follow", epilog="Example: graph-orch subscription follow news --json")
def follow(name: Name, as_json: Json = False) -> None:
    """Print what comes, and acknowledge it, until Ctrl-C."""
    with connect() as orch:
        for event in orch.subscriptions.follow(name):
            say_events([event], as_json)


@app.command("replay", epilog="Example: graph-orch subscription replay news --from 0")
def replay(
    name: Name,
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            help="What is after this position comes again, or what is no older than this time, "
            "such as 2026-11-27T14:00+01:00; without a zone it is local.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Let events come again that were acknowledged."""
    place = _place(from_)
    with connect() as orch:
        found = orch.subscriptions.replay(name, place)
    show(found, as_json)


@app.command("remove", epilog="Example: graph-orch subscription remove news")
def remove(name: Name) -> None:
    """Remove a subscription: nobody is given anything more of it."""
    with connect() as orch:
        was_there = orch.subscriptions.remove(name)
    say(f"{name} {'is removed' if was_there else 'does not exist'}")


def _place(text: str) -> int | datetime:
    """A position in the log, or a time."""
    if text.isdecimal() and len(text) < 20:
        return int(text)
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"--from: {text!r:.100} is neither a position nor a time, such as 2026-11-27T14:00"
        ) from None
