"""`graph-orch worker`, `workers` and `maintain`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

import typer

import graph_orch
from graph_orch.cli.durations import ago
from graph_orch.cli.input import imported
from graph_orch.cli.output import Json, Lines, console, say, show_json, show_list
from graph_orch.cli.signals import leave_in_order
from graph_orch.cli.store import connect
from graph_orch.cli.watch import Every, Listing, Watch, follow
from graph_orch.errors import ValidationError
from graph_orch.logs import log_to_stderr


def handled(worker: graph_orch.WorkerInfo) -> str:
    """The types of tasks that a worker handles, in words."""
    return "all types" if (it := worker.task_types) is None else ", ".join(it)


def held(worker: graph_orch.WorkerInfo) -> str:
    """How many of its places are taken, in words."""
    lingering = f", {worker.lingering} lingering" if worker.lingering else ""
    return f"{len(worker.task_ids)} of {worker.concurrency}{lingering}"


def _line(worker: graph_orch.WorkerInfo) -> str:
    live = "lives" if worker.is_live else "is dead"
    return (
        f"{worker.worker_id} {live}, works as {worker.agent_id}, handles {handled(worker)}, "
        f"holds {held(worker)}"
    )


COLUMNS: dict[str, str | Callable[[graph_orch.WorkerInfo], object]] = {
    "worker": "worker_id",
    "agent": "agent_id",
    "process": lambda worker: f"{worker.hostname} {worker.pid}",
    "live": lambda worker: "yes" if worker.is_live else "no",
    "seen": lambda worker: ago(worker.last_seen_at),
    "handles": handled,
    "held": held,
    "tasks": lambda worker: Lines(worker.task_ids),
}
NARROW = {name: COLUMNS[name] for name in COLUMNS if name not in ("process", "tasks")}
"""Where fewer than WIDE characters fit into a line; the id of a worker names its process."""
WIDE = 120
WHOLE = frozenset({"live", "seen", "held"})

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
    schemas: Annotated[
        bool,
        typer.Option("--schemas", help="Print what typed handlers take and give, and end."),
    ] = False,
) -> None:
    """Work on tasks until SIGTERM: with a Worker's handlers, or a command in any language.

    The command gets the task as JSON on standard input; what it prints is the result. Exit code 0
    completes the task, 65 fails it for good, any other fails the try. Of this environment it gets
    PATH, HOME, USER, LANG and the like, never a password: name with --env what else it needs.
    By lines of JSON it may ask for steps, tasks and gates meanwhile: see "Run workers".
    """
    if (target is None) == (command is None):
        raise typer.BadParameter("give either MODULE:WORKER or --exec COMMAND")
    if schemas:
        show_json(load_worker(target).schemas() if target else {})
        return
    leave_in_order()
    from graph_orch import executors  # here, since it takes long to import

    log_to_stderr()
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
    watch: Watch = False,
    every: Every = 2.0,
    as_json: Json = False,
) -> None:
    """List the live workers, with what they handle and what they hold."""
    columns = NARROW if console().width < WIDE else COLUMNS
    with connect() as orch:

        def look() -> list[graph_orch.WorkerInfo]:
            return [it for it in orch.agents.list_workers() if everyone or it.is_live]

        if watch:
            follow(lambda: Listing(look(), columns, _line, WHOLE), every, as_json)
        found = look()
    show_list(found, columns, as_json, WHOLE)


def maintain(
    once: Annotated[bool, typer.Option("--once", help="Do one round, and end.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two rounds.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Do what comes due while no worker runs: leases, delays, deadlines, schedules.

    Any number may run. None is needed while workers run.
    """
    leave_in_order()
    log_to_stderr()
    with connect() as orch:
        while True:
            done = orch.maintain()
            if as_json:
                show_json(done)
            elif once or any(done.values()):
                say(", ".join(f"{name} {number}" for name, number in done.items()))
            if once:
                return
            time.sleep(every)
