"""`graph-orch workflow …`"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from graph_orch import TaskStatus, ValidationError, Workflow, WorkflowState
from graph_orch.cli.input import text_of
from graph_orch.cli.output import Json, say, show, show_json, show_list
from graph_orch.cli.store import connect
from graph_orch.domain.lifecycle import HELD

app = typer.Typer(no_args_is_help=True, help="Start sets of tasks and follow them as one.")

FIELDS = ("name", "tasks", "workflow_id", "close_in_seconds", "metadata")
"""What a file may say of a workflow: the arguments of `workflows.start`."""
COLUMNS: dict[str, str | Callable[[Workflow], object]] = {
    "workflow": "workflow_id",
    "name": "name",
    "state": "state",
    "done": lambda flow: f"{flow.counts[TaskStatus.COMPLETED]} of {flow.total}",
    "running": lambda flow: sum(flow.counts[status] for status in HELD) or None,
    "failed": lambda flow: flow.counts[TaskStatus.FAILED] or None,
    "created": "created_at",
}

WorkflowId = Annotated[str, typer.Argument(help="The workflow's id.")]


@app.command("start", epilog="Example: graph-orch workflow start paper.json --id paper-7")
def start(
    file: Annotated[Path, typer.Argument(help="A JSON file with the name and the tasks.")],
    workflow_id: Annotated[
        str | None, typer.Option("--id", help="An id of your own: starting again is then safe.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Start a workflow: create all of its tasks, or none.

    The file holds {"name": …, "tasks": […]}: each task has the fields that create_task takes, and
    may depend on others by their names.
    """
    given = _read(file)
    if workflow_id is not None:
        given["workflow_id"] = workflow_id
    with connect() as orch:
        flow = orch.workflows.start(**given)
    show(flow, as_json)


def _read(file: Path) -> dict[str, Any]:
    """The arguments of `workflows.start` that a file holds.

    Raises:
        ValidationError: it is not JSON, holds no object, or an object with other fields.
    """
    try:
        found: object = json.loads(text_of(file))
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"{file}: is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValidationError(f"{file}: holds no object; one with a name and tasks is needed")
    given = cast(dict[str, Any], found)
    unknown = sorted(given.keys() - set(FIELDS))
    if unknown or not {"name", "tasks"} <= given.keys():
        raise ValidationError(
            f"{file}: name and tasks are needed, and {', '.join(FIELDS[2:])} may be there"
            + (f"; {', '.join(unknown)} may not" if unknown else "")
        )
    return given


@app.command("list", epilog="Example: graph-orch workflow list --state running")
def list_(
    state: Annotated[WorkflowState | None, typer.Option(help="Only in this state.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List the workflows, newest first."""
    with connect() as orch:
        page = orch.workflows.list(state, limit)
    show_list(page, COLUMNS, as_json)
    if page.next_cursor is not None and not as_json:
        say("there are more; see them with a higher --limit")


@app.command("show", epilog="Example: graph-orch workflow show paper-7")
def show_(
    workflow_id: WorkflowId,
    wait: Annotated[float, typer.Option(help="Wait so many seconds for its end.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Show what a workflow is doing: what runs, why the rest waits, when it may be done."""
    with connect() as orch:
        status = orch.workflows.wait(workflow_id, wait)
    if as_json:
        show_json(status)
        return
    say(f"{status.name} ({status.workflow_id}) is {status.state}")
    say(", ".join(f"{number} {name}" for name, number in status.counts.items() if number))
    for task in status.running:
        say(f"- {task.name or task.task_id} is {task.status}, held by {task.agent_id}")
    for reason in status.waiting:
        say(f"- {reason.sentence}")
    if status.eta_seconds is not None:
        say(f"it may be done in {status.eta_seconds:.0f} s")


@app.command("results", epilog="Example: graph-orch workflow results paper-7")
def results(workflow_id: WorkflowId) -> None:
    """Print what its completed tasks gave, by their names, as JSON."""
    with connect() as orch:
        found = orch.workflows.results(workflow_id)
    show_json(found)


@app.command("cancel", epilog="Example: graph-orch workflow cancel paper-7 --reason 'not needed'")
def cancel(
    workflow_id: WorkflowId,
    reason: Annotated[str | None, typer.Option(help="Why; its tasks keep it.")] = None,
    as_json: Json = False,
) -> None:
    """Cancel a workflow with all of its tasks that have not ended."""
    with connect() as orch:
        flow = orch.workflows.cancel(workflow_id, reason)
    show(flow, as_json)


@app.command("retry", epilog="Example: graph-orch workflow retry paper-7")
def retry(workflow_id: WorkflowId, as_json: Json = False) -> None:
    """Let its failed and cancelled tasks begin again."""
    with connect() as orch:
        flow = orch.workflows.retry(workflow_id)
    show(flow, as_json)
