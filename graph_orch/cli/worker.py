"""`graph-orch worker`, `workers` and `maintain`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

import graph_orch
from graph_orch.cli.input import imported
from graph_orch.cli.output import Json, say, show_json, show_list
from graph_orch.cli.signals import leave_in_order
from graph_orch.cli.store import connect
from graph_orch.domain.characters import visible
from graph_orch.errors import ValidationError
from graph_orch.logs import make_visible

COLUMNS: dict[str, str | Callable[[graph_orch.WorkerInfo], object]] = {
    "worker": "worker_id",
    "agent": "agent_id",
    "host": "hostname",
    "process": "pid",
    "live": "is_live",
    "held": lambda worker: len(worker.task_ids),
    "lingering": "lingering",
    "tasks": "task_ids",
}

Target = Annotated[
    str | None, typer.Argument(metavar="[MODULE:WORKER]", help="A Worker in a Python module.")
]
Command = Annotated[
    str | None,
    typer.Option("--exec", help="A command to run for each task instead, without a shell."),
]
Skills = Annotated[str, typer.Option("--skills", help="With --exec: its skills, comma-separated.")]
AgentId = Annotated[str | None, typer.Option("--agent", help="With --exec: the agent's id.")]
Concurrency = Annotated[int, typer.Option(min=1, help="With --exec: how many at once.")]
TaskType = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        help="With --exec: only tasks of these types; by default all, also those without skills.",
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="With --exec: an environment variable that the command gets too.",
    ),
]
Lease = Annotated[
    float, typer.Option("--lease", min=0.1, help="With --exec: the seconds of a lease.")
]
Burst = Annotated[
    bool, typer.Option("--burst", help="End when nothing is ready for it, and nothing is left.")
]
Grace = Annotated[float, typer.Option(min=0, help="With --exec: seconds to finish on SIGTERM.")]


def worker(
    target: Target = None,
    command: Command = None,
    skills: Skills = "",
    agent: AgentId = None,
    concurrency: Concurrency = 1,
    task_type: TaskType = None,
    env: Env = None,
    lease: Lease = 30,
    grace: Grace = 30,
    burst: Burst = False,
) -> None:
    """Work on tasks until SIGTERM: with a Worker's handlers, or a command in any language.

    The command gets the task as JSON on standard input; what it prints is the result. Exit code 0
    completes the task, 65 fails it for good, any other fails the try. Of this environment it gets
    PATH, HOME, USER, LANG and the like, never a password: name with --env what else it needs.
    By lines of JSON it may ask for steps, tasks and gates meanwhile: see "Run workers".
    """
    if (target is None) == (command is None):
        raise typer.BadParameter("give either MODULE:WORKER or --exec COMMAND")
    leave_in_order()
    from graph_orch import executors  # here, since it takes long to import

    handler = logging.StreamHandler()
    handler.addFilter(make_visible)  # for the records of libraries; our own are filtered already
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(name)s %(message)s", handlers=[handler]
    )
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    if target is not None:
        load_worker(target).run(until_idle=burst)
        return
    run_command = executors.command_handler(command or "", env=env or ())
    names = [name.strip() for name in skills.split(",") if name.strip()]
    with connect() as orch:
        exec_worker = graph_orch.Worker(
            orch,
            agent or "exec-agent",
            names,
            concurrency,
            lease_seconds=lease,
            grace_seconds=grace,
        )
        for name in task_type or ["*"]:
            exec_worker.task(name)(run_command)
        exec_worker.run(until_idle=burst)


def load_worker(target: str) -> graph_orch.Worker:
    """Import the Worker that MODULE:NAME names, also from the current directory.

    Raises:
        ValidationError: the name is not of that form, or there is no Worker there.
    """
    found: object = imported(target, "the form MODULE:WORKER, as my_package.my_module:worker")
    if not isinstance(found, graph_orch.Worker):
        raise ValidationError(f"{target!r} is a {type(found).__name__}, not a Worker")
    return found


def workers(
    everyone: Annotated[bool, typer.Option("--all", help="Dead workers too.")] = False,
    as_json: Json = False,
) -> None:
    """List the live workers with what they hold."""
    with connect() as orch:
        found = [worker for worker in orch.agents.list_workers() if everyone or worker.is_live]
    show_list(found, COLUMNS, as_json)


def maintain(
    once: Annotated[bool, typer.Option("--once", help="Do one round, and end.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two rounds.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Handle what comes due while no worker runs: leases, delays, deadlines, schedules.

    Any number may run. None is needed while workers, claims or polls come by.
    """
    leave_in_order()
    with connect() as orch:
        while True:
            done = {"tasks": orch.tasks.process_due(), "indexed": orch.tasks.index_content()}
            try:
                done["scheduled"] = len(orch.schedules.tick())
            except ValidationError as error:  # a schedule that this machine cannot tick
                done["scheduled"] = 0
                print(f"graph-orch: {visible(str(error))}", file=sys.stderr)
            done["workers forgotten"] = orch.agents.forget_workers()
            if as_json:
                show_json(done)
            elif once or any(done.values()):
                say(", ".join(f"{name} {number}" for name, number in done.items()))
            if once:
                return
            time.sleep(every)
