"""`graph-orch relay`, `ingest` and `dead-letters`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from pydantic import JsonValue

from graph_orch import DeadLetter, DeadLetterNotFoundError, ValidationError
from graph_orch.cli.events import ByAgent, Skill, Team, Where, Workflow
from graph_orch.cli.input import parse_json, text_of
from graph_orch.cli.output import Json, say, show, show_list
from graph_orch.cli.signals import leave_in_order, left_at_once
from graph_orch.cli.store import connect, connect_async
from graph_orch.logs import log_to_stderr

if TYPE_CHECKING:
    from graph_orch.brokers.ingesting import Recipe
    from graph_orch.brokers.protocols import Consumer, Publisher

letters = typer.Typer(no_args_is_help=True, help="Messages that an ingest could not use.")

COLUMNS: dict[str, str | Callable[[DeadLetter], object]] = {
    "letter": "letter_id",
    "ingest": "ingest",
    "source": "source",
    "message": "message_id",
    "reason": lambda letter: letter.reason[:80],
    "tries": "tries",
    "kept": "kept_at",
    "again": "retry_at",
}
LetterId = Annotated[str, typer.Argument(help="The dead letter's id.")]
Idle = Annotated[
    float | None, typer.Option("--idle", min=0, help="End when nothing came for so many seconds.")
]


def relay(
    to: Annotated[
        str,
        typer.Option(
            envvar="GRAPH_ORCH_RELAY_TO",
            show_envvar=True,
            help="Where to: nats://HOST:4222/SUBJECT, redis://HOST/STREAM or kafka://HOST/TOPIC.",
        ),
    ],
    pattern: Annotated[str, typer.Argument(help="EVENTS:TASK_TYPES, with * and ?.")] = "*:*",
    name: Annotated[
        str | None, typer.Option(help="Of the subscription; by default made of the address.")
    ] = None,
    workflow: Workflow = None,
    agent: ByAgent = None,
    team: Team = None,
    skill: Skill = None,
    where: Where = None,
    after: Annotated[
        int | None, typer.Option(help="Begin after this position; by default with what comes.")
    ] = None,
    binary: Annotated[
        bool, typer.Option("--binary", help="Attributes as headers, not in the body.")
    ] = False,
    create: Annotated[
        bool, typer.Option("--create", help="Create the stream of NATS if there is none.")
    ] = False,
    source: Annotated[str, typer.Option(help="The source of the CloudEvents.")] = "/graph-orch",
    lease: Annotated[
        float, typer.Option(min=0.1, help="Seconds after its death that another one goes on.")
    ] = 30,
    idle: Idle = None,
) -> None:
    """Publish events to a message broker, as CloudEvents, until SIGTERM.

    Each at least once, and those of a task in their order; one that comes again has the same id.
    Of several of one name one works, and another goes on where it died.
    """
    from graph_orch.brokers import Target, publisher_of

    publisher = publisher_of(to, mode="binary" if binary else "structured", create=create)
    key = name or _name_of(str(Target.parse(to)))
    options: dict[str, Any] = {"after": after, "source": source, "lease_seconds": lease}
    options |= {"workflow_id": workflow, "agent_id": agent, "team_id": team, "skill": skill}
    options |= {"where": where, "idle_seconds": idle}
    leave_in_order()
    log_to_stderr()
    number = asyncio.run(_relay(publisher, key, pattern, options))
    say(f"{number} events published as {key}")


async def _relay(publisher: Publisher, name: str, pattern: str, options: Mapping[str, Any]) -> int:
    from graph_orch.brokers import relay

    with left_at_once():
        opened = await connect_async()
    async with opened as orch:
        return await relay(orch, publisher, name, pattern, **options)


def ingest(
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            envvar="GRAPH_ORCH_INGEST_FROM",
            show_envvar=True,
            help="Where from: nats://HOST:4222/SUBJECT, redis://HOST/STREAM or kafka://HOST/TOPIC.",
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(
            help="The task of a message, as JSON with {data.title} and the like in it, or a "
            "file: @task.yaml.",
        ),
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(help="Or the event gate that it decides: an id, or such as {subject}."),
    ] = None,
    decision: Annotated[str, typer.Option(help="With --gate: how.")] = "answer",
    name: Annotated[
        str, typer.Option(help="Those of one name share the messages; dead letters have it too.")
    ] = "graph-orch",
    idle: Idle = None,
) -> None:
    """Make a task of each message of a broker, or open a gate with it, once, until SIGTERM.

    What cannot be used is kept, see `graph-orch dead-letters`. CloudEvents and plain JSON are
    understood.
    """
    if (task is None) == (gate is None):
        raise typer.BadParameter("give either --task or --gate")
    from graph_orch.brokers import consumer_of

    consumer = consumer_of(from_, name)
    from graph_orch.brokers import GateRecipe, TaskRecipe

    recipe = TaskRecipe(_template(task)) if task else GateRecipe(gate or "", decision=decision)
    leave_in_order()
    log_to_stderr()
    number = asyncio.run(_ingest(consumer, name, recipe, idle))
    say(f"{number} messages dealt with as {name}")


async def _ingest(consumer: Consumer, name: str, recipe: Recipe, idle: float | None) -> int:
    from graph_orch.brokers import ingest

    with left_at_once():
        opened = await connect_async()
    async with opened as orch:
        return await ingest(orch, consumer, name, recipe, idle_seconds=idle)


def _template(given: str) -> dict[str, JsonValue]:
    if not given.startswith("@"):
        return parse_json("task", given)
    try:
        found: Any = yaml.safe_load(text_of(Path(given[1:])))
        return found
    except (yaml.YAMLError, RecursionError) as error:
        raise ValidationError(f"{given[1:]}: is no YAML: {error}") from None


def _name_of(target: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", target).strip("-")[:200]


@letters.command("list", epilog="Example: graph-orch dead-letters list --json")
def list_(
    ingest: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List dead letters, those first that were kept first."""
    with connect() as orch:
        found = orch.dead_letters.list(ingest, limit)
    show_list(found, COLUMNS, as_json)


@letters.command("show", epilog="Example: graph-orch dead-letters show LETTER_ID")
def show_(letter: LetterId, as_json: Json = False) -> None:
    """Show a dead letter with its body."""
    with connect() as orch:
        found = orch.dead_letters.get(letter)
    show(found, as_json)


@letters.command("retry", epilog="Example: graph-orch dead-letters retry --ingest graph-orch")
def retry(
    letter: Annotated[str | None, typer.Argument(help="The dead letter's id.")] = None,
    ingest: Annotated[str | None, typer.Option(help="All of this ingest.")] = None,
) -> None:
    """Have its ingest try a dead letter again, at once where it runs."""
    if (letter is None) == (ingest is None):
        raise typer.BadParameter("give either the id of a dead letter or --ingest")
    with connect() as orch:
        if letter is not None:
            orch.dead_letters.retry(letter)
        number = 1 if ingest is None else orch.dead_letters.retry_all(ingest)
    say(f"{number} dead letters are tried again")


@letters.command("remove", epilog="Example: graph-orch dead-letters remove LETTER_ID")
def remove(letter: LetterId) -> None:
    """Remove a dead letter."""
    with connect() as orch:
        if not orch.dead_letters.remove(letter):
            raise DeadLetterNotFoundError(letter)
    say(f"removed {letter}")
