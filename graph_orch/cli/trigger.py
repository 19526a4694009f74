"""`graph-orch trigger …`"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from graph_orch import Firing, Trigger, TriggerMatch, TriggerNotFoundError
from graph_orch.cli.durations import seconds
from graph_orch.cli.events import ByAgent, Skill, Team, Where, Workflow
from graph_orch.cli.input import parse_json
from graph_orch.cli.output import Json, say, show, show_json, show_list
from graph_orch.cli.store import connect

app = typer.Typer(no_args_is_help=True, help="Do something when events come, or fail to come.")

Name = Annotated[str, typer.Argument(help="The name of the trigger.")]
On = Annotated[str, typer.Argument(help="EVENTS:TASK_TYPES, or recommendation:KINDS.")]
WhenOption = Annotated[
    str | None, typer.Option("--when", help='JSON, such as {"count": 3, "within_seconds": 60}.')
]

COLUMNS: dict[str, str | Callable[[Trigger], object]] = {
    "name": "name",
    "on": "on",
    "when": lambda it: None if it.when is None else it.when.model_dump(exclude_defaults=True),
    "does": "action",
    "fired": "fired",
    "last": "fired_at",
    "pending": "pending",
    "failed": "failed",
    "behind": "behind",
}
FIRINGS: dict[str, str | Callable[[Firing], object]] = {
    "trigger": "trigger",
    "position": "position",
    "at": "at",
    "group": lambda it: ", ".join(it.group),
    "status": "status",
    "tries": "tries",
    "made": lambda it: ", ".join(it.made),
    "error": "error",
}
MATCHES: dict[str, str | Callable[[TriggerMatch], object]] = {
    "position": "position",
    "at": "at",
    "task": "task_id",
    "group": lambda it: ", ".join(it.group),
}


@app.command(
    "put",
    epilog="Example: graph-orch trigger put check 'completed:write' "
    '--create \'{"content": "check {task.content}", "task_type": "check"}\'',
)
def put(
    name: Name,
    on: On,
    when: WhenOption = None,
    create: Annotated[str | None, typer.Option(help="JSON: the task, or a list of tasks.")] = None,
    start_workflow: Annotated[
        str | None, typer.Option(help="JSON: the name and the tasks of a workflow.")
    ] = None,
    open_gate: Annotated[
        str | None, typer.Option(help="JSON: gate_id, decision, payload, comment.")
    ] = None,
    cancel: Annotated[str | None, typer.Option(help="JSON: filters of tasks, and reason.")] = None,
    pause: Annotated[str | None, typer.Option(help="JSON: what, seconds, reason.")] = None,
    post: Annotated[str | None, typer.Option(help="JSON: webhook, its name; data.")] = None,
    call: Annotated[str | None, typer.Option(help="The name of a registered function.")] = None,
    workflow: Workflow = None,
    agent: ByAgent = None,
    team: Team = None,
    skill: Skill = None,
    where: Where = None,
    max_depth: Annotated[
        int, typer.Option(help="It stops where so many triggers stand behind an event.")
    ] = 10,
    after: Annotated[
        int | None, typer.Option(help="Begin after this position; by default with what comes.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a trigger, or replace one, which keeps its position."""
    given = {
        "when": when,
        "create": create,
        "start_workflow": start_workflow,
        "open_gate": open_gate,
        "cancel": cancel,
        "pause": pause,
        "post": post,
    }
    parsed: dict[str, Any] = {
        option: parse_json(option, text) for option, text in given.items() if text is not None
    }
    with connect() as orch:
        found = orch.triggers.put(
            name,
            on,
            **parsed,
            call=call,
            workflow_id=workflow,
            agent_id=agent,
            team_id=team,
            skill=skill,
            where=where,
            max_depth=max_depth,
            after=after,
        )
    show(found, as_json)


@app.command("list", epilog="Example: graph-orch trigger list")
def list_(as_json: Json = False) -> None:
    """List the triggers, how often each fired, and what failed."""
    with connect() as orch:
        found = orch.triggers.list()
    show_list(found, COLUMNS, as_json)


@app.command("show", epilog="Example: graph-orch trigger show check --limit 5")
def show_(
    name: Name,
    limit: Annotated[int, typer.Option(help="How many firings at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Show a trigger, and what it did last."""
    with connect() as orch:
        found, firings = orch.triggers.get(name), orch.triggers.firings(name, limit)
    if as_json:
        show_json({"trigger": found, "firings": firings})
        return
    show(found, as_json)
    show_list(firings, FIRINGS, as_json)


@app.command("remove", epilog="Example: graph-orch trigger remove check")
def remove(name: Name) -> None:
    """Remove a trigger, with what it was to do still; what it made stays."""
    with connect() as orch:
        if not orch.triggers.remove(name):
            raise TriggerNotFoundError(name)
    say(f"removed {name}")


@app.command("retry", epilog="Example: graph-orch trigger retry check")
def retry(name: Name) -> None:
    """Let a trigger do again what failed or was stopped."""
    with connect() as orch:
        number = orch.triggers.retry(name)
    say(f"{number} firings are done again")


@app.command("run", epilog="Example: graph-orch trigger run")
def run(as_json: Json = False) -> None:
    """Evaluate what is new, and do what is due; workers and maintain do so by themselves."""
    with connect() as orch:
        fired = orch.triggers.run()
    show_list(fired, FIRINGS, as_json)


@app.command(
    "test", epilog="Example: graph-orch trigger test --on 'failed:*' --when '{\"count\": 3}'"
)
def try_out(
    name: Annotated[str | None, typer.Argument(help="The name of a trigger.")] = None,
    on: Annotated[str | None, typer.Option(help="What it would be on.")] = None,
    when: WhenOption = None,
    workflow: Workflow = None,
    agent: ByAgent = None,
    team: Team = None,
    skill: Skill = None,
    where: Where = None,
    over: Annotated[str, typer.Option(help="How far back to look, such as 12h.")] = "1d",
    limit: Annotated[int, typer.Option(help="How many firings at most.")] = 100,
    as_json: Json = False,
) -> None:
    """Show when a trigger would have fired over the last day; nothing is changed."""
    condition = None if when is None else parse_json("when", when)
    with connect() as orch:
        found = orch.triggers.test(
            name,
            on=on,
            when=condition,
            workflow_id=workflow,
            agent_id=agent,
            team_id=team,
            skill=skill,
            where=where,
            seconds=seconds(over),
            limit=limit,
        )
    show_list(found, MATCHES, as_json)
