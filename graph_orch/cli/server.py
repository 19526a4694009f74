"""`graph-orch server …`: the embedded Neo4j server."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Annotated

import typer

from graph_orch.cli.output import Json, say, show_json
from graph_orch.cli.store import install_server
from graph_orch.domain.characters import visible
from graph_orch.errors import StoreError

if TYPE_CHECKING:
    from graph_orch.embedded import EmbeddedStatus

app = typer.Typer(no_args_is_help=True, help="Start and stop the embedded Neo4j server.")


@app.command("start", epilog="Example: graph-orch server start")
def start(as_json: Json = False) -> None:
    """Start the embedded server in the background."""
    from graph_orch.embedded import start_server

    install_server()
    _show(start_server(), as_json)


@app.command("stop", epilog="Example: graph-orch server stop")
def stop(as_json: Json = False) -> None:
    """Stop the embedded server."""
    from graph_orch.embedded import server_status, stop_server

    was_running = server_status().running
    stop_server()
    found = server_status()
    if was_running and not found.running and not as_json:
        say(f"stopped; its data is in {found.data_dir}")
    else:
        _show(found, as_json)


@app.command("status", epilog="Example: graph-orch server status --json")
def status(as_json: Json = False) -> None:
    """Say whether the embedded server runs, and where."""
    from graph_orch.embedded import server_status

    _show(server_status(), as_json)


@app.command("logs", epilog="Example: graph-orch server logs --lines 200")
def logs(
    lines: Annotated[int, typer.Option(min=1, help="How many lines.")] = 50,
    as_json: Json = False,
) -> None:
    """Print the end of the embedded server's log."""
    from graph_orch.embedded import server_status

    path = server_status().log_path
    if not path.exists():
        raise StoreError(f"there is no log at {path}: the embedded server was never started here")
    with path.open(encoding="utf-8", errors="replace") as file:
        last = [line.rstrip("\n") for line in deque(file, maxlen=lines)]
    if as_json:
        show_json({"log_path": str(path), "lines": last})
    else:
        for line in last:
            print(visible(line))


def _show(found: EmbeddedStatus, as_json: bool) -> None:
    if as_json:
        names = ("running", "uri", "pid", "version", "data_dir", "log_path")
        show_json({name: getattr(found, name) for name in names})
    elif found.running:
        say(f"running at {found.uri}, Neo4j {found.version}, process {found.pid}")
    else:
        say(f"not running; its data is in {found.data_dir}")
