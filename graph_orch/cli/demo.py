"""`graph-orch demo`: audit the Python environment that it runs in."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any
from uuid import UUID, uuid5

import typer
from pydantic import JsonValue

from graph_orch import DependencyFailure, NewTask
from graph_orch.cli.audit import NATIVE, PURE, SCRIPTS, Installed, check_files, installed
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
from graph_orch.domain.dag import CriticalPath, break_cycles, critical_path_of, run_order
from graph_orch.domain.ids import new_uuid

COMMAND, TASK_TYPE = "demo", "environment-audit"
CREW = (
    Member("demo-auditor-1", (PURE, NATIVE, SCRIPTS), 2),
    Member("demo-auditor-2", (PURE, SCRIPTS), 3),
    Member("demo-auditor-3", (NATIVE, SCRIPTS), 1),
    Member("demo-auditor-4", (PURE,), 2),
)


@dataclass(frozen=True)
class Plan:
    """The audit to do: the tasks, what each is for, and the edges left out to have no cycle."""

    run_id: str
    targets: dict[str, Installed]
    tasks: tuple[NewTask, ...]
    broken: list[tuple[str, str]]
    chain: CriticalPath[str]


@dataclass(frozen=True)
class Report:
    """What the audit found. Files are listed by distribution."""

    run_id: str
    total: int
    audited: int
    failed: int
    files_checked: int
    files_without_digest: int
    tampered: dict[str, list[str]]
    missing: dict[str, list[str]]
    without_record: list[str]
    errors: dict[str, str]
    broken_edges: list[tuple[str, str]]
    longest_chain: list[str]
    released: int
    cancelled: int
    seconds: float


def demo(
    limit: Annotated[
        int | None, typer.Option(min=1, help="Audit the first so many distributions only.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Audit this Python environment: every file against its recorded SHA-256, by four agents.

    Tampered files are reported and do not change the exit code. Nothing is written but the graph.
    """
    plan = make_plan(installed(limit=limit), new_uuid())
    with connect_alone(COMMAND) as orch:
        released = gather(orch, CREW)
        cancelled = clear_leftovers(orch, COMMAND, TASK_TYPE)
        crew = Crew(orch, CREW, TASK_TYPE, lambda task_id: _audit(plan.targets[task_id]))
        began = time.monotonic()
        with shown("auditing", len(plan.tasks), as_json) as on_change:
            crew.work(plan.tasks, on_change)
        seconds = time.monotonic() - began
    report = _report(plan, crew, released, cancelled, seconds)
    rows = agent_rows(crew, CREW, seconds * 1_000)
    if as_json:
        agents = [dict(zip(AGENT_COLUMNS, row, strict=True)) for row in rows]
        show_json(asdict(report) | {"agents": agents})
    else:
        _show(report, rows)


def make_plan(found: Sequence[Installed], run_id: str) -> Plan:
    """One task for each distribution, after those for what it requires."""
    by_name = {one.name: one for one in found}
    kept, broken = break_cycles({one.name: one.requires for one in found})
    ids = {name: str(uuid5(UUID(run_id), name)) for name in by_name}
    tasks = tuple(_task(by_name[name], kept[name], ids, run_id) for name in run_order(kept))
    chain = critical_path_of(kept, dict.fromkeys(kept, 1.0))
    return Plan(run_id, {ids[one.name]: one for one in found}, tasks, broken, chain)


def _task(one: Installed, requires: Sequence[str], ids: Mapping[str, str], run_id: str) -> NewTask:
    return NewTask(
        task_id=ids[one.name],
        content=one.title,
        task_type=TASK_TYPE,
        requirements=one.skills,
        dependencies=tuple(ids[name] for name in requires),
        metadata=mark(COMMAND, run_id),
        on_dependency_failure=DependencyFailure.CANCEL,
    )


def _audit(one: Installed) -> JsonValue:
    found = check_files(one.files)
    return {
        "has_record": one.has_record,
        "checked": found.checked,
        "unhashed": found.unhashed,
        "tampered": list(found.tampered),
        "missing": list(found.missing),
    }


def _report(plan: Plan, crew: Crew, released: int, cancelled: int, seconds: float) -> Report:
    results: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for task_id, task in crew.finished.items():
        title = plan.targets[task_id].title
        if task.error_message is None:
            results[title] = task.result
        else:
            errors[title] = task.error_message
    return Report(
        run_id=plan.run_id,
        total=len(plan.tasks),
        audited=len(results),
        failed=len(plan.tasks) - len(results),
        files_checked=sum(it["checked"] for it in results.values()),
        files_without_digest=sum(it["unhashed"] for it in results.values()),
        tampered={title: it["tampered"] for title, it in results.items() if it["tampered"]},
        missing={title: it["missing"] for title, it in results.items() if it["missing"]},
        without_record=[title for title, it in results.items() if not it["has_record"]],
        errors=errors,
        broken_edges=plan.broken,
        longest_chain=[*plan.chain.path],
        released=released,
        cancelled=cancelled,
        seconds=seconds,
    )


def _show(report: Report, rows: Sequence[Sequence[object]]) -> None:
    if report.released or report.cancelled:
        say(
            f"an earlier run was killed: {report.released} tasks taken back from its agents, "
            f"{report.cancelled} unfinished ones cancelled"
        )
    for name, other in report.broken_edges:
        say(f"cycle: {name} was not made to wait for {other}")
    show_table(AGENT_COLUMNS, rows, title="agents, in this run")
    say(
        f"{report.audited} of {report.total} distributions audited in {report.seconds:.1f} s: "
        f"{report.files_checked} files checked, {report.files_without_digest} recorded without "
        "a digest"
    )
    _show_findings(report)
    say(f"longest chain ({len(report.longest_chain)}): {' -> '.join(report.longest_chain)}")
    say("look at the graph:")
    say(f'  graph-orch cypher "{_LOOK}"')


_LOOK = (
    "MATCH (t:Task {task_type: 'environment-audit'})-[:DEPENDS_ON]->(d) "
    "RETURN t.content, d.content LIMIT 10"
)


def _show_findings(report: Report) -> None:
    for what, found in (("tampered", report.tampered), ("missing", report.missing)):
        for title, names in found.items():
            for name in names:
                say(f"{what}: {title}: {name}")
    for title in report.without_record:
        say(f"no RECORD, so nothing to check against: {title}")
    for title, error in report.errors.items():
        say(f"failed: {title}: {error}")
    if not (report.tampered or report.missing):
        say("no checked file was tampered with, and none is missing")
