"""`graph-orch events` and `graph-orch events follow`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from graph_orch import TaskEvent
from graph_orch.cli.output import Json, cell, say, show_line
from graph_orch.cli.store import check_workflow, connect
from graph_orch.domain.lifecycle import EventType

EVENTS_PAGE = 1_000
app = typer.Typer(invoke_without_command=True, help="What happened to tasks, and what comes.")

Workflow = Annotated[str | None, typer.Option(help="Only of the workflow with this id.")]
ByAgent = Annotated[str | None, typer.Option(help="Only what this agent did, or got.")]
Team = Annotated[str | None, typer.Option(help="Only what its members did, or got.")]
Skill = Annotated[str | None, typer.Option(help="Only of tasks that require it.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITION",
        help="Only where this holds, such as 'task.metadata.customer = acme'; may be repeated.",
    ),
]


@app.callback(epilog="Example: graph-orch events --workflow paper-7 --follow")
def events(
    context: typer.Context,
    workflow: Workflow = None,
    event_type: Annotated[
        list[EventType] | None, typer.Option("--type", help="Only these; may be repeated.")
    ] = None,
    after: Annotated[int | None, typer.Option(help="Only those after this position.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    as_json: Json = False,
) -> None:
    """Print what happened to tasks, oldest first: one event a line."""
    if context.invoked_subcommand is not None:
        return
    wanted: dict[str, Any] = {"types": event_type or None, "workflow_id": workflow}
    with connect() as orch:
        if not follow:  # whoever follows may wait for a workflow that is yet to be started
            check_workflow(orch, workflow)
        page = orch.events.read(after, limit=EVENTS_PAGE, **wanted)
        while page:
            say_events(page, as_json)
            page = orch.events.read(page.next_cursor, limit=EVENTS_PAGE, **wanted)
        if follow:
            for event in orch.events.subscribe(page.next_cursor, **wanted):
                say_events([event], as_json)


@app.command("follow", epilog="Example: graph-orch events follow 'completed,failed:research/*'")
def follow_(
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
    """Print the events of a pattern as they come, until Ctrl-C; nothing is kept of it."""
    with connect() as orch:
        found = orch.events.subscribe(
            orch.events.end() if after is None else after,
            pattern=pattern,
            workflow_id=workflow,
            agent_id=agent,
            team_id=team,
            skill=skill,
            where=where,
        )
        for event in found:
            say_events([event], as_json)


def say_events(found: Sequence[TaskEvent], as_json: bool) -> None:
    """Print events, one a line."""
    for event in found:
        if as_json:
            show_line(event)
            continue
        who = f" by {event.agent_id}" if event.agent_id else ""
        why = f": {cell(event.detail)}" if event.detail else ""
        at = f"{event.position} {event.at.isoformat()}"
        say(f"{at} {event.task_id} {event.type}{who}{why}")
    sys.stdout.flush()
