"""`graph-orch run`: do a recorded workflow again, at another speed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid5

import typer
from pydantic import JsonValue

from graph_orch import DependencyFailure, NewTask, Task
from graph_orch.analysis.wfformat import Step, Workflow, read_workflow
from graph_orch.cli.crew import (
    AGENT_COLUMNS,
    Crew,
    Member,
    agent_rows,
    clear_leftovers,
    gather,
    mark,
)
from graph_orch.cli.output import Json, say, show_json, show_table
from graph_orch.cli.progress import shown
from graph_orch.cli.store import connect_alone
from graph_orch.domain.dag import critical_path_of
from graph_orch.domain.ids import new_uuid
from graph_orch.errors import TaskError

COMMAND, TASK_TYPE = "run", "workflow-step"
WANTED_SECONDS = 5.0

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A WfFormat file.")
]
Agents = Annotated[int, typer.Option(min=1, max=64, help="How many agents.")]
Slots = Annotated[int, typer.Option(min=1, max=64, help="How many tasks each holds at once.")]
Speed = Annotated[
    float | None,
    typer.Option(help="Recorded seconds in one second; default: so that it ends in seconds."),
]


@dataclass(frozen=True)
class Report:
    """How the run went. Seconds of the critical path are scaled as the run's are."""

    workflow: str
    tasks: int
    dependencies: int
    completed: int
    speed: float
    makespan_seconds: float
    critical_path_seconds: float
    critical_path: list[str]
    violations: list[tuple[str, str]]
    released: int
    cancelled: int


def run(
    file: File, agents: Agents = 4, slots: Slots = 2, speed: Speed = None, as_json: Json = False
) -> None:
    """Run a workflow recorded in WfFormat: its programs are skills, its seconds are slept."""
    if speed is not None and not 0 < speed < float("inf"):
        raise typer.BadParameter("must be a number above 0", param_hint="--speed")
    workflow = read_workflow(file)
    scale = speed or default_speed(workflow, agents * slots)
    members = [
        Member(f"run-agent-{number}", tuple(workflow.programs), slots)
        for number in range(1, agents + 1)
    ]
    run_id = new_uuid()
    ids = {step.id: str(uuid5(UUID(run_id), step.id)) for step in workflow.steps}
    tasks = [_task(step, ids, run_id) for step in workflow.steps]
    seconds = {ids[step.id]: step.seconds / scale for step in workflow.steps}
    with connect_alone(COMMAND) as orch:
        released = gather(orch, members)
        cancelled = clear_leftovers(orch, COMMAND, TASK_TYPE)
        crew = Crew(orch, members, TASK_TYPE, lambda task_id: _sleep(seconds[task_id]))
        with shown(workflow.name, len(tasks), as_json) as on_change:
            crew.work(tasks, on_change)
    makespan = makespan_seconds(crew.finished.values())
    report = _report(workflow, crew, scale, makespan, (released, cancelled))
    _show(report, agent_rows(crew, members, makespan * 1_000), as_json)
    _check(report)


def default_speed(workflow: Workflow, slots: int) -> float:
    """So fast that the work takes about five seconds at best; never slower than recorded."""
    chain = critical_path_of(workflow.dependencies, {it.id: it.seconds for it in workflow.steps})
    at_best = max(chain.seconds, sum(step.seconds for step in workflow.steps) / slots)
    return max(1.0, at_best / WANTED_SECONDS)


def makespan_seconds(tasks: Collection[Task]) -> float:
    """From the start of the first task to the end of the last, by the server's clock."""
    starts = [it.started_at for it in tasks if it.started_at]
    ends = [it.completed_at for it in tasks if it.completed_at]
    return (max(ends) - min(starts)).total_seconds() if starts and ends else 0.0


def violations(workflow: Workflow, finished: Mapping[str, Task]) -> list[tuple[str, str]]:
    """(task, dependency) where the task started before the dependency was completed.

    The times are the server's; `finished` is by the ids of the workflow.
    """
    return [
        (step.id, parent)
        for step in workflow.steps
        if step.id in finished
        for parent in step.parents
        if not _kept(finished[step.id], finished.get(parent))
    ]


def _kept(task: Task, dependency: Task | None) -> bool:
    if dependency is None or dependency.completed_at is None or task.started_at is None:
        return False
    return dependency.completed_at <= task.started_at


def _task(step: Step, ids: Mapping[str, str], run_id: str) -> NewTask:
    return NewTask(
        task_id=ids[step.id],
        content=step.id,
        task_type=TASK_TYPE,
        requirements=(step.program,),
        dependencies=tuple(ids[parent] for parent in step.parents),
        metadata=mark(COMMAND, run_id),
        on_dependency_failure=DependencyFailure.CANCEL,
    )


def _sleep(seconds: float) -> JsonValue:
    time.sleep(seconds)
    return {"slept_seconds": seconds}


def _report(
    workflow: Workflow, crew: Crew, speed: float, makespan: float, left: tuple[int, int]
) -> Report:
    finished = {task.content: task for task in crew.finished.values()}
    scaled = {step.id: step.seconds / speed for step in workflow.steps}
    chain = critical_path_of(workflow.dependencies, scaled)
    return Report(
        workflow=workflow.name,
        tasks=len(workflow.steps),
        dependencies=sum(len(step.parents) for step in workflow.steps),
        completed=sum(task.success is True for task in finished.values()),
        speed=speed,
        makespan_seconds=makespan,
        critical_path_seconds=chain.seconds,
        critical_path=list(chain.path),
        violations=violations(workflow, finished),
        released=left[0],
        cancelled=left[1],
    )


def _show(report: Report, rows: Sequence[Sequence[object]], as_json: bool) -> None:
    if as_json:
        agents = [dict(zip(AGENT_COLUMNS, row, strict=True)) for row in rows]
        show_json(asdict(report) | {"agents": agents})
        return
    if report.released or report.cancelled:
        say(
            f"an earlier run was killed: {report.released} tasks taken back from its agents, "
            f"{report.cancelled} unfinished ones cancelled"
        )
    show_table(AGENT_COLUMNS, rows, title="agents, in this run")
    ratio = report.makespan_seconds / (report.critical_path_seconds or float("inf"))
    say(f"{report.completed} of {report.tasks} tasks completed at speed {report.speed:.4g}")
    say(
        f"makespan {report.makespan_seconds:.2f} s, critical path "
        f"{report.critical_path_seconds:.2f} s of {len(report.critical_path)} tasks "
        f"({ratio:.2f} times)"
    )
    say(f"{report.dependencies} dependencies, {len(report.violations)} of them not kept")


def _check(report: Report) -> None:
    """A run that broke its order, or did not come to the end, did not work."""
    if report.violations:
        task, other = report.violations[0]
        raise TaskError(f"{task!r} started before {other!r} was completed")
    if report.completed < report.tasks:
        raise TaskError(f"only {report.completed} of {report.tasks} tasks were completed")
