"""`graph-orch graph …`: pictures of what is in the store, or the graph itself in a file."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from graph_orch import TaskStatus
from graph_orch.cli.output import Json, say, show_json
from graph_orch.cli.store import connect
from graph_orch.errors import ValidationError

app = typer.Typer(no_args_is_help=True, help="Draw the graph, or save it.")

PICTURES, PAGES = (".png", ".svg"), (".html", ".htm")
FILES = (".json", ".json.gz", ".graphml", ".graphml.gz")

Draw = Callable[[Any, Path], object]
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
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="At most so many tasks, the last created; or nodes, by their links."),
]
Title = Annotated[str | None, typer.Option(help="What stands above; else the numbers.")]


@app.command("agents", epilog="Example: graph-orch graph agents -o agents.svg")
def agents(output: Output, limit: Limit = None, title: Title = None, as_json: Json = False) -> None:
    """Draw agents and their skills."""
    _make(output, "agents-skills", "draw_agents", {}, limit, title, as_json)


@app.command("tasks", epilog="Example: graph-orch graph tasks -o tasks.png --status failed")
def tasks(
    output: Output,
    status: Status = None,
    limit: Limit = None,
    title: Title = None,
    as_json: Json = False,
) -> None:
    """Draw tasks and what they depend on."""
    _make(output, "tasks", "draw_tasks", _filters(status), limit, title, as_json)


@app.command("gantt", epilog="Example: graph-orch graph gantt -o gantt.png --limit 500")
def gantt(
    output: Output,
    status: Status = None,
    limit: Limit = None,
    title: Title = None,
    as_json: Json = False,
) -> None:
    """Draw what each agent did when."""
    _make(output, "tasks", "draw_gantt", _filters(status), limit, title, as_json)


@app.command("load", epilog="Example: graph-orch graph load -o load.png")
def load(
    output: Output,
    status: Status = None,
    limit: Limit = None,
    title: Title = None,
    as_json: Json = False,
) -> None:
    """Draw how busy each agent was over time."""
    _make(output, "all", "draw_load", _filters(status), limit, title, as_json)


def _filters(status: list[TaskStatus] | None) -> dict[str, Any]:
    return {"status": status} if status else {}


def _make(
    output: Path,
    kind: str,
    picture: str,
    filters: dict[str, Any],
    limit: int | None,
    title: str | None,
    as_json: bool,
) -> None:
    analysis = _analysis()
    from graph_orch.analysis.pictures.limits import LEFT_OUT, limited

    write = _writer(analysis, output, picture, title)
    with connect() as orch:
        graph = analysis.snapshot(orch, kind, **filters)
    if limit is not None:
        graph = limited(graph, limit)
    write(graph, output)
    written = {
        "file": str(output),
        "nodes": graph.number_of_nodes(),
        "edges": graph.number_of_edges(),
        "left_out": graph.graph.get(LEFT_OUT, 0),
    }
    if as_json:
        show_json(written)
    else:
        rest = f"; {written['left_out']} nodes left out" if written["left_out"] else ""
        say(f"{output}: {written['nodes']} nodes, {written['edges']} edges{rest}")


def _writer(analysis: ModuleType, output: Path, picture: str, title: str | None) -> Draw:
    """What writes a file of this kind; asked for before the store is, so that it refuses early."""
    name = output.name.lower()
    named = {} if title is None else {"title": title}
    if name.endswith(PICTURES):
        return lambda graph, path: getattr(analysis, picture)(graph, path, **named)
    if name.endswith(PAGES):
        return lambda graph, path: analysis.interactive(graph, path, **named)
    if name.endswith(FILES):
        return analysis.save
    known = ", ".join((*PICTURES, PAGES[0], *FILES))
    raise ValidationError(
        f"cannot tell what {str(output)!r} is to be; let it end in one of {known}"
    )


def _analysis() -> ModuleType:
    """The module, which needs an extra."""
    if find_spec("matplotlib") is None:
        raise ValidationError("install graph-orch[analysis] to draw the graph")
    from graph_orch import analysis

    return analysis
