"""`graph-orch run`: do a recorded workflow again, at another speed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import JsonValue

from graph_orch import Task
from graph_orch.analysis.wfformat import Workflow, read_workflow
from graph_orch.cli.crew import Crew, Member, Run
from graph_orch.cli.output import Json, say, show_json
from graph_orch.domain.dag import CriticalPath, critical_path_of
from graph_orch.domain.ids import new_uuid
from graph_orch.errors import TaskError

WANTED_SECONDS = 5.0

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A WfFormat file.")
]
Agents = Annotated[int, typer.Option(min=1, max=64, help="How many agents.")]
Slots = Annotated[int, typer.Option(min=1, max=64, help="How many tasks each holds at once.")]
Speed = Annotated[
    float | None,
    typer.Option(help="Recorded seconds in one second; by default so that it ends in seconds."),
]


def run(
    file: File, agents: Agents = 4, slots: Slots = 2, speed: Speed = None, as_json: Json = False
) -> None:
    """Run a workflow recorded in WfFormat: its programs are skills, its seconds are slept."""
    if speed is not None and not 0 < speed < float("inf"):
        raise typer.BadParameter("must be a number above 0", param_hint="--speed")
    workflow = read_workflow(file)
    scale = speed or default_speed(workflow, agents * slots)
    skills = tuple(workflow.programs)
    members = [Member(f"run-agent-{number}", skills, slots) for number in range(1, agents + 1)]
    this = Run("run", "workflow-step", new_uuid())
    tasks = [this.task(step.id, step.id, [step.program], step.parents) for step in workflow.steps]
    seconds = {this.task_id(step.id): step.seconds / scale for step in workflow.steps}

    def sleep(task_id: str) -> JsonValue:
        time.sleep(seconds[task_id])
        return {"slept_seconds": seconds[task_id]}

    crew = Crew(this, members, sleep)
    crew.work(tasks, workflow.name, as_json)
    path = critical_path(workflow, scale)
    report = _report(workflow, crew, path, scale)
    makespan, violations = report["makespan_seconds"], report["violations"]
    if as_json:
        show_json(report | {"agents": crew.agents(makespan * 1_000)})
    else:
        crew.show(makespan * 1_000)
        say(f"{report['completed']} of {len(tasks)} tasks completed at speed {scale:.4g}")
        say(makespan_line(makespan, path))
        say(f"{report['dependencies']} dependencies, {len(violations)} of them not kept")
    if violations:
        raise TaskError("{!r} started before {!r} was completed".format(*violations[0]))
    if report["completed"] < len(tasks):
        raise TaskError(f"only {report['completed']} of {len(tasks)} tasks were completed")


def default_speed(workflow: Workflow, slots: int) -> float:
    """The speed at which the work takes about five seconds at best; never slower than recorded."""
    at_best = max(
        critical_path(workflow).seconds, sum(step.seconds for step in workflow.steps) / slots
    )
    return max(1.0, at_best / WANTED_SECONDS)


def critical_path(workflow: Workflow, speed: float = 1.0) -> CriticalPath[str]:
    """The critical path of a workflow that is run at a speed."""
    seconds = {step.id: step.seconds / speed for step in workflow.steps}
    return critical_path_of(workflow.dependencies, seconds)


def makespan_line(makespan: float, path: CriticalPath[str]) -> str:
    """A line that compares a makespan in seconds with the critical path."""
    ratio = makespan / (path.seconds or float("inf"))
    return (
        f"makespan {makespan:.2f} s, critical path {path.seconds:.2f} s of {len(path.path)} tasks "
        f"({ratio:.2f} times)"
    )


def _report(
    workflow: Workflow, crew: Crew, path: CriticalPath[str], speed: float
) -> dict[str, Any]:
    """The figures of a run; seconds of the critical path are scaled as the run's are."""
    finished = {task.content: task for task in crew.finished.values()}
    return {
        "workflow": workflow.name,
        "tasks": len(workflow.steps),
        "dependencies": sum(len(step.parents) for step in workflow.steps),
        "completed": sum(task.success is True for task in finished.values()),
        "speed": speed,
        "makespan_seconds": _makespan_seconds(finished.values()),
        "critical_path_seconds": path.seconds,
        "critical_path": list(path.path),
        "violations": _violations(workflow, finished),
        "released": crew.released,
        "cancelled": crew.cancelled,
    }


def _makespan_seconds(tasks: Collection[Task]) -> float:
    """From the start of the first task to the end of the last, by the server's clock."""
    starts = [task.started_at for task in tasks if task.started_at]
    ends = [task.completed_at for task in tasks if task.completed_at]
    return (max(ends) - min(starts)).total_seconds() if starts and ends else 0.0


def _violations(workflow: Workflow, finished: Mapping[str, Task]) -> list[tuple[str, str]]:
    """(task, dependency) where the task started before the dependency was completed.

    The times are the server's; `finished` is by the ids of the workflow.
    """
    violations: list[tuple[str, str]] = []
    for step in workflow.steps:
        if step.id not in finished:
            continue
        started = finished[step.id].started_at
        for parent in step.parents:
            ended = finished[parent].completed_at if parent in finished else None
            if started is None or ended is None or ended > started:
                violations.append((step.id, parent))
    return violations
