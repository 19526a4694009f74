"""`graph-orch webhook …`"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from graph_orch import NewWebhook, Webhook, WebhookAttempt
from graph_orch.cli.events import ByAgent, Skill, Team, Where, Workflow
from graph_orch.cli.output import Json, say, show, show_json, show_list
from graph_orch.cli.store import connect
from graph_orch.errors import WebhookNotFoundError

app = typer.Typer(no_args_is_help=True, help="Send events to URLs, signed, until they are taken.")

Name = Annotated[str, typer.Argument(help="The name of the webhook.")]
EventId = Annotated[str | None, typer.Option("--event", help="Only this event, by its id.")]
SECRET = "GRAPH_ORCH_WEBHOOK_SECRET"
Secret = Annotated[
    str | None,
    typer.Option(envvar=SECRET, help="To sign with: whsec_ and base64; by default one is made."),
]
COLUMNS: dict[str, str | Callable[[Webhook], object]] = {
    "name": "name",
    "url": "url",
    "pattern": "pattern",
    "state": lambda it: "disabled" if it.disabled_at else "failing" if it.failures else "ok",
    "behind": "behind",
    "waiting": "waiting",
    "given up": "given_up",
}
ATTEMPTS: dict[str, str | Callable[[WebhookAttempt], object]] = {
    "at": "at",
    "event": "event_id",
    "type": "type",
    "try": "number",
    "status": "status",
    "ms": "duration_ms",
    "delivered": lambda it: "yes" if it.delivered else "no",
    "error": "error",
}


@app.command("put", epilog="Example: graph-orch webhook put results https://x.test/hook 'failed:*'")
def put(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where each event is sent by POST.")],
    pattern: Annotated[
        str | None, typer.Argument(help="EVENTS:TASK_TYPES, with * and ?; by default *:*.")
    ] = None,
    only_posts: Annotated[
        bool, typer.Option("--only-posts", help="No events, only what triggers post.")
    ] = False,
    workflow: Workflow = None,
    agent: ByAgent = None,
    team: Team = None,
    skill: Skill = None,
    where: Where = None,
    after: Annotated[
        int | None, typer.Option(help="Begin after this position; by default with what comes.")
    ] = None,
    secret: Secret = None,
    as_json: Json = False,
) -> None:
    """Create a webhook, or replace one; print its secret, which is shown this once."""
    if only_posts and pattern is not None:
        raise typer.BadParameter("give either a PATTERN or --only-posts: it wants no events")
    with connect() as orch:
        found = orch.webhooks.put(
            name,
            url,
            None if only_posts else pattern or "*:*",
            workflow_id=workflow,
            agent_id=agent,
            team_id=team,
            skill=skill,
            where=where,
            after=after,
            secret=secret,
        )
    _show_secret(found, as_json)


@app.command("list", epilog="Example: graph-orch webhook list")
def list_(as_json: Json = False) -> None:
    """List the webhooks, without their secrets."""
    with connect() as orch:
        found = orch.webhooks.list()
    show_list(found, COLUMNS, as_json)


@app.command("show", epilog="Example: graph-orch webhook show results")
def show_one(name: Name, as_json: Json = False) -> None:
    """Show a webhook, and how it fares."""
    with connect() as orch:
        found = orch.webhooks.get(name)
    show(found, as_json)


@app.command("test", epilog="Example: graph-orch webhook test results")
def try_(name: Name, as_json: Json = False) -> None:
    """Send an event that tells of nothing, from here, and show what came of it."""
    with connect() as orch:
        found = orch.webhooks.test(name)
    show(found, as_json)
    if not found.delivered:
        raise typer.Exit(1)


@app.command("attempts", epilog="Example: graph-orch webhook attempts results --json")
def attempts(
    name: Name,
    event: EventId = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List the last tries, newest first."""
    with connect() as orch:
        found = orch.webhooks.attempts(name, event_id=event, limit=limit)
    show_list(found, ATTEMPTS, as_json)


@app.command("redeliver", epilog="Example: graph-orch webhook redeliver results")
def redeliver(name: Name, event: EventId = None, as_json: Json = False) -> None:
    """Send again what was given up, and what waits to be tried again."""
    with connect() as orch:
        number = orch.webhooks.redeliver(name, event)
    if as_json:
        show_json({"name": name, "redelivered": number})
    else:
        say(f"{number} deliveries of {name} are made again")


@app.command("enable", epilog="Example: graph-orch webhook enable results")
def enable(name: Name, as_json: Json = False) -> None:
    """Let a webhook that was disabled send again."""
    with connect() as orch:
        found = orch.webhooks.enable(name)
    show(found, as_json)


@app.command("rotate", epilog="Example: graph-orch webhook rotate results --overlap-hours 48")
def rotate(
    name: Name,
    overlap_hours: Annotated[
        float, typer.Option(help="For so long the secret before it signs too.")
    ] = 24.0,
    secret: Secret = None,
    as_json: Json = False,
) -> None:
    """Give a webhook another secret, and print it, which is shown this once."""
    with connect() as orch:
        found = orch.webhooks.rotate(name, secret=secret, overlap_seconds=overlap_hours * 3_600)
    _show_secret(found, as_json)


@app.command("remove", epilog="Example: graph-orch webhook remove results")
def remove(name: Name, as_json: Json = False) -> None:
    """Remove a webhook with its deliveries: nothing more is sent."""
    with connect() as orch:
        if not orch.webhooks.remove(name):
            raise WebhookNotFoundError(name)
    if as_json:
        show_json({"name": name, "removed": True})
    else:
        say(f"removed {name}")


def _show_secret(found: NewWebhook, as_json: bool) -> None:
    if as_json:
        show_json(found)
    elif found.secret is None:
        say(f"{found.name} keeps its secret")
    else:
        print(found.secret)
