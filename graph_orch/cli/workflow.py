"""`graph-orch workflow …`"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from graph_orch import TaskStatus, Workflow, WorkflowState
from graph_orch.cli.output import Json, say, show, show_json, show_list
from graph_orch.cli.store import connect
from graph_orch.cli.watch import Every, look, watch
from graph_orch.cli.workflow_file import read_workflow_file
from graph_orch.domain.lifecycle import HELD
from graph_orch.domain.models.workflows import NewWorkflow

app = typer.Typer(no_args_is_help=True, help="Start sets of tasks and follow them as one.")

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


@app.command("start", epilog="Example: graph-orch workflow start paper.yaml --id paper-7")
def start(
    file: Annotated[str, typer.Argument(help="A YAML or JSON file, or MODULE:NAME in Python.")],
    workflow_id: Annotated[
        str | None, typer.Option("--id", help="An id of your own: starting again is then safe.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Start a workflow: create all of its tasks, or none.

    The file holds {"name": …, "tasks": […]}: each task has the fields that create_task takes, and
    may depend on others by their names; `workflow schema` prints its JSON schema. Or it holds a
    recorded workflow in WfFormat. In Python it is such a dict, or a list of tasks.
    """
    given = read_workflow_file(file)
    if workflow_id is not None:
        given["workflow_id"] = workflow_id
    with connect() as orch:
        flow = orch.workflows.start(**given)
    show(flow, as_json)


@app.command("schema", epilog="Example: graph-orch workflow schema > workflow.schema.json")
def schema() -> None:
    """Print the JSON schema of a file with a workflow, for editors and other checkers."""
    show_json(NewWorkflow.json_schema())


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
    """Show what a workflow is doing: what runs, why the rest waits, and what failed."""
    with connect() as orch:
        seen = look(orch, workflow_id, wait)
    if as_json:
        show_json(seen.status)
        return
    for line in seen.lines():
        say(line)
    if seen.eta:
        say(seen.eta)


@app.command("watch", epilog="Example: graph-orch workflow watch paper-7")
def watch_(
    workflow_id: WorkflowId,
    every: Every = 1.0,
    as_json: Json = False,
) -> None:
    """Follow a workflow until it ends: what runs, what waits and why, and what failed.

    On a terminal it is a live tree, elsewhere a line for each change. The exit code is 0 where it
    is completed, 1 where it failed, 4 where it was cancelled.
    """
    with connect() as orch:
        code = watch(orch, workflow_id, every, as_json)
    raise typer.Exit(code)


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
def retry(
    workflow_id: WorkflowId,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Forget what their handlers have kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let its failed and cancelled tasks begin again."""
    with connect() as orch:
        flow = orch.workflows.retry(workflow_id, from_start=from_start)
    show(flow, as_json)
