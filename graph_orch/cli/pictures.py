"""`graph-orch graph …`: pictures of what is in the store, or the graph itself in a file."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph_orch import TaskStatus
from graph_orch.cli.output import Json, say, show_json
from graph_orch.cli.store import check_workflow, connect
from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    from graph_orch.analysis.snapshots.building import SnapshotKind

app = typer.Typer(no_args_is_help=True, help="Draw the graph, or save it.")

PICTURES, PAGES = (".png", ".svg"), (".html", ".htm")
FILES = (".json", ".json.gz", ".graphml", ".graphml.gz")

Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        dir_okay=False,
        metavar="FILE",
        help="A picture: .png, .svg; a page to look about in: .html; "
        "the graph: .json, .graphml (or these and .gz).",
    ),
]
Status = Annotated[
    list[TaskStatus] | None, typer.Option(help="Only tasks like this; may be repeated.")
]
OnlyWorkflow = Annotated[
    str | None, typer.Option("--workflow", help="Only tasks of the workflow with this id.")
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="At most so many tasks, the last created; or nodes, by their links."),
]
Title = Annotated[str | None, typer.Option(help="What stands above; else the numbers.")]


@app.command("agents", epilog="Example: graph-orch graph agents -o agents.svg")
def agents(output: Output, limit: Limit = None, title: Title = None, as_json: Json = False) -> None:
    """Draw agents and their skills."""
    _make("draw_agents", "agents-skills", output, {}, limit, title, as_json)


@app.command("tasks", epilog="Example: graph-orch graph tasks -o tasks.png --status failed")
def tasks(
    output: Output,
    status: Status = None,
    workflow: OnlyWorkflow = None,
    limit: Limit = None,
    title: Title = None,
    as_json: Json = False,
) -> None:
    """Draw tasks and what they depend on."""
    _make("draw_tasks", "tasks", output, _filters(status, workflow), limit, title, as_json)


@app.command("gantt", epilog="Example: graph-orch graph gantt -o gantt.png --limit 500")
def gantt(
    output: Output,
    status: Status = None,
    workflow: OnlyWorkflow = None,
    limit: Limit = None,
    title: Title = None,
    as_json: Json = False,
) -> None:
    """Draw what each agent did when."""
    _make("draw_gantt", "tasks", output, _filters(status, workflow), limit, title, as_json)


@app.command("load", epilog="Example: graph-orch graph load -o load.png")
def load(
    output: Output,
    status: Status = None,
    workflow: OnlyWorkflow = None,
    limit: Limit = None,
    title: Title = None,
    as_json: Json = False,
) -> None:
    """Draw how busy each agent was over time."""
    _make("draw_load", "all", output, _filters(status, workflow), limit, title, as_json)


def _filters(status: list[TaskStatus] | None, workflow: str | None) -> dict[str, Any]:
    given: dict[str, Any] = {"status": status, "workflow_id": workflow}
    return {name: value for name, value in given.items() if value}


def _make(
    picture: str,
    kind: SnapshotKind,
    output: Path,
    filters: dict[str, Any],
    limit: int | None,
    title: str | None,
    as_json: bool,
) -> None:
    """Read a graph of a kind, and write it to a file as the end of its name says."""
    if find_spec("matplotlib") is None:
        raise ValidationError("install graph-orch[analysis] to draw the graph")
    from graph_orch import analysis
    from graph_orch.analysis import pictures
    from graph_orch.analysis.pictures.nodes import LEFT_OUT, limited

    name = output.name.lower()
    if name.endswith(PICTURES):
        write: Any = partial(getattr(pictures, picture), title=title)
    elif name.endswith(PAGES):
        write = partial(pictures.interactive, title=title)
    elif name.endswith(FILES):
        write = analysis.save
    else:
        known = ", ".join((*PICTURES, PAGES[0], *FILES))
        raise ValidationError(
            f"cannot tell what {str(output)!r} is to be; let it end in one of {known}"
        )
    with connect() as orch:
        check_workflow(orch, filters.get("workflow_id"))
        graph = analysis.snapshot(orch, kind, **filters)
    if limit is not None:
        graph = limited(graph, limit)
    write(graph, output)
    nodes, edges, left = len(graph), graph.number_of_edges(), graph.graph.get(LEFT_OUT, 0)
    if as_json:
        show_json({"file": str(output), "nodes": nodes, "edges": edges, "left_out": left})
    else:
        say(
            f"{output}: {nodes} nodes, {edges} edges" + (f"; {left} nodes left out" if left else "")
        )
