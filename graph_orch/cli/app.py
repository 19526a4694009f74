"""The command line's commands together, and what an error becomes: one line and an exit code."""

from __future__ import annotations

import sys

import pydantic
import typer

from graph_orch.cli import (
    agent,
    call,
    demo,
    graph,
    mcp,
    pictures,
    prune,
    run,
    schedule,
    server,
    simulate,
    task,
    worker,
)
from graph_orch.cli.output import visible
from graph_orch.errors import (
    AgentNotFoundError,
    EmbeddedServerError,
    OrchestrationError,
    ScheduleNotFoundError,
    StoreAuthenticationError,
    StoreUnreachableError,
    TaskNotFoundError,
)

NOT_FOUND, REFUSED, UNREACHABLE = 3, 4, 5

app = typer.Typer(
    name="graph-orch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Multi-agent task orchestration whose store is a Neo4j graph.",
    epilog="Exit codes: 0 done, 1 error, 2 wrong usage, 3 not found, 4 refused or not valid, "
    "5 the store cannot be reached. Example: [bold]graph-orch demo[/bold]",
)
app.command("demo", epilog="Example: graph-orch demo --limit 20")(demo.demo)
app.command("run", epilog="Example: graph-orch run trace.json --agents 4 --speed 100")(run.run)
app.command("simulate", epilog="Example: graph-orch simulate trace.json --agents 8 --json")(
    simulate.simulate
)
app.add_typer(server.app, name="server")
app.add_typer(agent.app, name="agent")
app.add_typer(task.app, name="task")
app.add_typer(schedule.app, name="schedule")
app.add_typer(pictures.app, name="graph")
app.command("worker", epilog="Example: graph-orch worker --exec './summarise.sh' --skills nlp")(
    worker.worker
)
app.command("workers", epilog="Example: graph-orch workers --json")(worker.workers)
app.command("maintain", epilog="Example: graph-orch maintain --every 5")(worker.maintain)
app.add_typer(mcp.app, name="mcp")
app.command("call", epilog="Example: graph-orch call orchestration_get_queue_metrics")(call.call)
app.command("route", epilog="Example: graph-orch route TASK_ID --dispatch")(graph.route)
app.command("stats", epilog="Example: graph-orch stats --json")(graph.stats)
app.command("doctor", epilog="Example: graph-orch doctor --repair")(graph.doctor)
app.command("prune", epilog="Example: graph-orch prune --older-than 30d --export old.jsonl")(
    prune.prune
)
app.command("migrate", epilog="Example: graph-orch migrate")(graph.migrate)
app.command("export", epilog="Example: graph-orch export > graph.jsonl")(graph.export)
app.command("cypher", epilog="Example: graph-orch cypher 'MATCH (t:Task) RETURN count(*)'")(
    graph.cypher
)


def main() -> None:
    """Run the command line; never returns."""
    try:
        app()
    except OrchestrationError as error:
        _leave(str(error), exit_code(error))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        _leave(f"settings: {'.'.join(map(str, first['loc']))}: {first['msg']}", REFUSED)
    except OSError as error:
        _leave(str(error), 1)


def exit_code(error: OrchestrationError) -> int:
    """What the process says of an error to whoever started it."""
    match error:
        case TaskNotFoundError() | AgentNotFoundError() | ScheduleNotFoundError():
            return NOT_FOUND
        case StoreUnreachableError() | StoreAuthenticationError() | EmbeddedServerError():
            return UNREACHABLE
        case _:
            return REFUSED


def _leave(message: str, code: int) -> None:
    print(f"graph-orch: {visible(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(code)
