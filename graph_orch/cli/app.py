"""The commands of the command line; an error becomes one line and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Generator
from importlib.metadata import version
from typing import Annotated, Any

import pydantic
import typer
from typer.core import TyperGroup

from graph_orch.cli import (
    agent,
    apply,
    broker,
    budget,
    call,
    demo,
    events,
    gate,
    graph,
    mcp,
    pause,
    pictures,
    prune,
    run,
    schedule,
    server,
    serving,
    simulate,
    subscription,
    task,
    team,
    token,
    top,
    trigger,
    webhook,
    worker,
    workflow,
)
from graph_orch.cli.signals import code_of_signal
from graph_orch.cli.words import in_commands
from graph_orch.domain.characters import visible
from graph_orch.errors import (
    AgentNotFoundError,
    DeadLetterNotFoundError,
    DeliveryNotFoundError,
    EmbeddedServerError,
    GateNotFoundError,
    OrchestrationError,
    ScheduleNotFoundError,
    StoreAuthenticationError,
    StoreUnreachableError,
    SubscriptionNotFoundError,
    TaskNotFoundError,
    TeamNotFoundError,
    TokenNotFoundError,
    TriggerNotFoundError,
    WebhookNotFoundError,
    WorkflowNotFoundError,
    describe,
)

ERROR, NOT_FOUND, REFUSED, UNREACHABLE, INTERRUPTED = 1, 3, 4, 5, 130
DEBUG = "GRAPH_ORCH_DEBUG"


class _Commands(TyperGroup):
    """The commands; what the parser quotes of wrong arguments cannot drive the terminal."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _visible_usage_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _visible_usage_errors():
            return super().invoke(ctx)


@contextlib.contextmanager
def _visible_usage_errors() -> Generator[None]:
    try:
        yield
    except Exception as error:
        # The parser's errors do not have the same base class in all versions of typer.
        if hasattr(error, "format_message"):
            error.message = visible(str(getattr(error, "message", "")))  # pyright: ignore[reportAttributeAccessIssue]
        raise


app = typer.Typer(
    name="graph-orch",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Multi-agent task orchestration whose store is a Neo4j graph.",
    epilog="Exit codes: 0 done, 1 error, 2 wrong usage, 3 not found, 4 refused or not valid, "
    "5 the store cannot be reached, 130 interrupted (Ctrl-C), 143 ended (SIGTERM). "
    "Example: graph-orch demo",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"graph-orch {version('graph-orch')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None: ...


COMMANDS = (
    (demo.demo, "demo --limit 20"),
    (run.run, "run trace.json --agents 4 --speed 100"),
    (simulate.simulate, "simulate trace.json --agents 8 --json"),
    (server.app, "server"),
    (agent.app, "agent"),
    (team.app, "team"),
    (task.app, "task"),
    (workflow.app, "workflow"),
    (gate.app, "gate"),
    (token.app, "token"),
    (budget.app, "budget"),
    (schedule.app, "schedule"),
    (subscription.app, "subscription"),
    (webhook.app, "webhook"),
    (events.app, "events"),
    (trigger.app, "trigger"),
    (apply.apply, "apply -f triggers.yaml --dry-run"),
    (broker.relay, "relay --to nats://localhost:4222/events 'completed,failed:*' --create"),
    (broker.ingest, 'ingest --from nats://localhost/orders --task \'{"task_type": "order"}\''),
    (broker.letters, "dead-letters"),
    (pictures.app, "graph"),
    (worker.worker, "worker --exec './summarise.sh' --skills nlp"),
    (worker.workers, "workers --json"),
    (pause.pause, "pause agent:ada --for 10m --reason 'too many errors'"),
    (pause.resume, "resume agent:ada"),
    (pause.paused, "paused"),
    (pause.limit, "limit openai --rate 60 --per 1m"),
    (worker.maintain, "maintain --every 5"),
    (serving.web, "web --port 8080"),
    (serving.serve, "serve --only web"),
    (mcp.app, "mcp"),
    (call.call, "call orchestration_get_queue_metrics"),
    (graph.route, "route TASK_ID --dispatch"),
    (graph.stats, "stats --json"),
    (top.top, "top --every 5"),
    (graph.doctor, "doctor --repair"),
    (prune.prune, "prune --older-than 30d --export old.jsonl"),
    (graph.migrate, "migrate"),
    (graph.export, "export > graph.jsonl"),
    (graph.cypher, "cypher 'MATCH (t:Task) RETURN count(*)'"),
    (graph.statement, "statement tasks/claim"),
)
"""The commands and groups in the order of the help; a command begins its example."""
for added, example in COMMANDS:
    if isinstance(added, typer.Typer):
        app.add_typer(added, name=example)
    else:
        app.command(example.split()[0], epilog=f"Example: graph-orch {example}")(added)


def main() -> None:
    """Run the command line; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # it is None if it was closed at the start
            # The encoding of the terminal may lack characters of what is stored.
            stream.reconfigure(errors="backslashreplace")
    code = _run()
    try:
        sys.stdout.flush()
    except (AttributeError, ValueError):  # it is closed
        pass
    except OSError as error:  # such as a reader that has gone, or a full disk
        # The interpreter would flush the rest again when it ends, and report another error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if code == 0:
            code = ERROR
            if not isinstance(error, BrokenPipeError):
                _say(f"cannot write to standard output: {error.strerror}")
    sys.exit(code)


def _run() -> int:
    """Run the command line, print an error on standard error, and return the exit code."""
    try:
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except OrchestrationError as error:
        return _say(in_commands(str(error)), exit_code(error))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return _say(f"settings: {'.'.join(map(str, first['loc']))}: {first['msg']}", REFUSED)
    except BrokenPipeError:
        return ERROR
    except OSError as error:
        return _say(str(error), ERROR)
    except RecursionError:
        return _say("an argument is nested too deeply", REFUSED)
    except Exception as error:  # a bug: one line for the user, the traceback for the developer
        if (code := code_of_signal()) is not None:
            return code
        _print_traceback_if_debugging()
        return _say(
            f"this is a fault of graph-orch: {describe(error)}; please report it, with what "
            f"{DEBUG}=1 prints",
            ERROR,
        )
    return 0


def _print_traceback_if_debugging() -> None:
    if os.environ.get(DEBUG):
        for line in traceback.format_exc().splitlines():
            print(visible(line), file=sys.stderr)


def exit_code(error: OrchestrationError) -> int:
    """The exit code of the process for an error."""
    match error:
        case (
            TaskNotFoundError()
            | AgentNotFoundError()
            | ScheduleNotFoundError()
            | WorkflowNotFoundError()
            | GateNotFoundError()
            | SubscriptionNotFoundError()
            | WebhookNotFoundError()
            | DeliveryNotFoundError()
            | TeamNotFoundError()
            | TokenNotFoundError()
            | TriggerNotFoundError()
            | DeadLetterNotFoundError()
        ):
            return NOT_FOUND
        case StoreUnreachableError() | StoreAuthenticationError() | EmbeddedServerError():
            return UNREACHABLE
        case _:
            return REFUSED


def _say(message: str, code: int = ERROR) -> int:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # standard error is closed
        print(f"graph-orch: {visible(' '.join(message.split()))}", file=sys.stderr)
    return code
