"""`graph-orch demo`: audit the Python environment that it runs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import JsonValue

from graph_orch import NewTask
from graph_orch.cli.audit import NATIVE, PURE, SCRIPTS, Installed, check_files, installed
from graph_orch.cli.crew import Crew, Member, Run
from graph_orch.cli.output import Json, say, show_json
from graph_orch.domain.dag import CriticalPath, break_cycles, critical_path_of, run_order
from graph_orch.domain.ids import new_uuid

TASK_TYPE = "environment-audit"
CREW = (
    Member("demo-auditor-1", (PURE, NATIVE, SCRIPTS), 2),
    Member("demo-auditor-2", (PURE, SCRIPTS), 3),
    Member("demo-auditor-3", (NATIVE, SCRIPTS), 1),
    Member("demo-auditor-4", (PURE,), 2),
)
LOOK = (
    f"MATCH (t:Task {{task_type: '{TASK_TYPE}'}})-[:DEPENDS_ON]->(d) "
    "RETURN t.content, d.content LIMIT 10"
)


@dataclass(frozen=True)
class Plan:
    """The tasks of an audit, what each of them audits, and the edges left out to have no cycle."""

    run: Run
    targets: dict[str, Installed]
    tasks: tuple[NewTask, ...]
    broken: list[tuple[str, str]]
    chain: CriticalPath[str]


def demo(
    limit: Annotated[
        int | None, typer.Option(min=1, help="Audit only the first so many distributions.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Audit this Python environment: every file against its recorded SHA-256, by four agents.

    Tampered files are reported and do not change the exit code. Nothing is written but the graph.
    """
    plan = make_plan(installed(limit=limit), new_uuid())
    crew = Crew(plan.run, CREW, lambda task_id: _audit(plan.targets[task_id]))
    crew.work(plan.tasks, "auditing", as_json)
    report = _report(plan, crew)
    if as_json:
        show_json(report | {"agents": crew.agents(crew.seconds * 1_000)})
    else:
        _show(report, crew)


def make_plan(found: Sequence[Installed], run_id: str) -> Plan:
    """Plan one task for each distribution, after the tasks for what it requires."""
    run = Run("demo", TASK_TYPE, run_id)
    by_name = {target.name: target for target in found}
    kept, broken = break_cycles({target.name: target.requires for target in found})
    tasks = tuple(
        run.task(name, by_name[name].title, by_name[name].skills, kept[name])
        for name in run_order(kept)
    )
    chain = critical_path_of(kept, dict.fromkeys(kept, 1.0))
    return Plan(run, {run.task_id(target.name): target for target in found}, tasks, broken, chain)


def _audit(target: Installed) -> JsonValue:
    found = check_files(target.files)
    return {
        "has_record": target.has_record,
        "checked": found.checked,
        "unhashed": found.unhashed,
        "tampered": list(found.tampered),
        "missing": list(found.missing),
    }


def _report(plan: Plan, crew: Crew) -> dict[str, Any]:
    """The findings of an audit, in which files are listed by distribution."""
    results: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for task_id, task in crew.finished.items():
        title = plan.targets[task_id].title
        if task.error_message is None:
            results[title] = task.result
        else:
            errors[title] = task.error_message
    return {
        "run_id": plan.run.run_id,
        "total": len(plan.tasks),
        "audited": len(results),
        "failed": len(plan.tasks) - len(results),
        "files_checked": sum(found["checked"] for found in results.values()),
        "files_without_digest": sum(found["unhashed"] for found in results.values()),
        "tampered": {title: it["tampered"] for title, it in results.items() if it["tampered"]},
        "missing": {title: it["missing"] for title, it in results.items() if it["missing"]},
        "without_record": [title for title, found in results.items() if not found["has_record"]],
        "errors": errors,
        "broken_edges": plan.broken,
        "longest_chain": [*plan.chain.path],
        "released": crew.released,
        "cancelled": crew.cancelled,
        "seconds": crew.seconds,
    }


def _show(report: dict[str, Any], crew: Crew) -> None:
    crew.show(crew.seconds * 1_000)
    for name, other in report["broken_edges"]:
        say(f"cycle: {name} was not made to wait for {other}")
    say(
        f"{report['audited']} of {report['total']} distributions audited in {crew.seconds:.1f} s: "
        f"{report['files_checked']} files checked, {report['files_without_digest']} recorded "
        "without a digest"
    )
    for what in ("tampered", "missing"):
        for title, names in report[what].items():
            for name in names:
                say(f"{what}: {title}: {name}")
    for title in report["without_record"]:
        say(f"no RECORD, so nothing to check against: {title}")
    for title, error in report["errors"].items():
        say(f"failed: {title}: {error}")
    if not (report["tampered"] or report["missing"]):
        say("no checked file was tampered with, and none is missing")
    chain = report["longest_chain"]
    say(f"longest chain ({len(chain)}): {' -> '.join(chain)}")
    say("look at the graph:")
    say(f'  graph-orch cypher "{LOOK}"')
