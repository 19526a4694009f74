"""`graph-orch schedule …`"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from graph_orch import Schedule
from graph_orch.cli.output import Json, say, show, show_json, show_list
from graph_orch.cli.store import connect
from graph_orch.cli.task_options import takes_task
from graph_orch.domain.characters import visible
from graph_orch.domain.models import ONCE_ONLY
from graph_orch.errors import ScheduleNotFoundError

app = typer.Typer(no_args_is_help=True, help="Create tasks at the times of a cron expression.")

COLUMNS: dict[str, str | Callable[[Schedule], object]] = {
    "schedule": "name",
    "cron": "cron",
    "timezone": "timezone",
    "next": lambda schedule: "paused" if schedule.paused else schedule.next_at,
    "last": "last_at",
    "type": lambda schedule: schedule.task["task_type"],
    "content": lambda schedule: schedule.task["content"],
}

Name = Annotated[str, typer.Argument(help="The schedule's name.")]


@app.command(
    "put", epilog="Example: graph-orch schedule put nightly '30 2 * * *' 'sweep' --type chore"
)
@takes_task(without=ONCE_ONLY)
def put(
    name: Name,
    cron: Annotated[str, typer.Argument(help="The times, as a cron expression.")],
    content: Annotated[str, typer.Argument(help="What is to be done at each tick.")],
    task: dict[str, Any],
    timezone: Annotated[
        str, typer.Option(help="The time zone of the times, such as Europe/Berlin.")
    ] = "UTC",
    paused: Annotated[bool, typer.Option("--paused", help="Do not tick for now.")] = False,
    as_json: Json = False,
) -> None:
    """Create a schedule, or replace the one with this name."""
    with connect() as orch:
        template = {"content": content, **task}
        schedule = orch.schedules.put(name, cron, template, timezone=timezone, paused=paused)
    show(schedule, as_json)


@app.command("list", epilog="Example: graph-orch schedule list --json")
def list_(as_json: Json = False) -> None:
    """List the schedules."""
    with connect() as orch:
        schedules = orch.schedules.list()
    show_list(schedules, COLUMNS, as_json)


@app.command("remove", epilog="Example: graph-orch schedule remove nightly")
def remove(name: Name, as_json: Json = False) -> None:
    """Remove a schedule; the tasks that it created stay."""
    with connect() as orch:
        if not orch.schedules.remove(name):
            raise ScheduleNotFoundError(name)
    if as_json:
        show_json({"name": name, "removed": True})
    else:
        say(f"removed {name}")


@app.command("tick", epilog="Example: graph-orch schedule tick")
def tick(
    limit: Annotated[int, typer.Option(help="The most schedules to look at.")] = 100,
    as_json: Json = False,
) -> None:
    """Create the tasks that are due, and print their ids."""
    with connect() as orch:
        task_ids = orch.schedules.tick(limit)
    if as_json:
        show_json(task_ids)
        return
    for task_id in task_ids:
        print(visible(task_id))
