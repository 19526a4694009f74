"""The commands route, stats, doctor, migrate, export, cypher and statement."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from graph_orch import Agent, QueueStatistics, TaskStatus
from graph_orch.cli.durations import ago, lasting, milliseconds
from graph_orch.cli.output import (
    Json,
    Lines,
    console,
    plain,
    say,
    show_json,
    show_line,
    show_table,
    table_of,
)
from graph_orch.cli.store import check_workflow, connect
from graph_orch.domain.lifecycle import HELD
from graph_orch.domain.models import ExportPage
from graph_orch.store import statements

EVENTS_PAGE = 1_000
SHOWN = 20
"""Tasks, agents and skills that the statistics name."""


def route(
    task_id: Annotated[str, typer.Argument(help="The task's id.")],
    dispatch: Annotated[bool, typer.Option("--dispatch", help="Assign it too.")] = False,
    exclude: Annotated[
        list[str] | None, typer.Option(help="An agent not to choose; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which agent should do a task."""
    with connect() as orch:
        choose = orch.router.dispatch_task if dispatch else orch.router.route_task
        agent_id = choose(task_id, exclude)
    if as_json:
        show_json(
            {"task_id": task_id, "agent_id": agent_id, "dispatched": dispatch and bool(agent_id)}
        )
    else:
        say(agent_id or "no agent has the skills and a free slot")


def stats(as_json: Json = False) -> None:
    """Show the statistics of the queue, the agents and the routing, and what runs now."""
    with connect() as orch:
        queue = orch.tasks.get_queue_statistics()
        total = orch.agents.get_agent_statistics()
        routing = orch.router.get_routing_statistics()
        found = {"queue": plain(queue), "agents": plain(total), "routing": plain(routing)}
        if as_json:
            show_json(found)
            return
        running = orch.tasks.query_tasks({"status": list(HELD)}, limit=SHOWN, newest_first=True)
        agents = orch.agents.list()
    _show_queue(queue)
    rows = [
        (
            Lines([it.task_id, it.name or it.task_type]),
            it.assigned_to,
            it.status,
            ago(it.started_at or it.assigned_at),
        )
        for it in running
    ]
    if rows:
        columns = ["task", "agent", "status", "since"]
        console().print(table_of(columns, rows, "now", {"task", "status", "since"}))
    if queue.assigned_count + queue.running_count > len(rows):
        say("more run; see them with `graph-orch task list --status running`")
    busiest = sorted(agents, key=lambda it: (-it.active_tasks, it.agent_id))[:SHOWN]
    if agents:
        show_table(
            ["agent", "held", "assigned", "done", "failed", "success", "average"],
            [_numbers(it, routing.by_agent.get(it.agent_id, 0)) for it in busiest],
            f"{len(agents)} agents",
        )
    if len(agents) > SHOWN:
        say("there are more; see them with `graph-orch agent list`")
    skills = sorted(total.skill_distribution.items(), key=lambda it: (-it[1], it[0]))
    if skills:
        title = f"{len(skills)} skills" + ("" if len(skills) <= SHOWN else ", of which the first")
        show_table(["skill", "agents"], skills[:SHOWN], title)
    say(
        f"{routing.routed_count} tasks were given to agents; {routing.unroutable_count} are ready, "
        "and no agent can take them"
    )


def _show_queue(queue: QueueStatistics) -> None:
    parts = {"ready": queue.ready_count, "blocked": queue.blocked_count}
    parts["delayed"] = queue.delayed_count
    of_pending = ", ".join(f"{number} {name}" for name, number in parts.items() if number)
    counts = {it: getattr(queue, f"{it}_count") for it in TaskStatus}
    rows = [(it, number, of_pending * (it == "pending")) for it, number in counts.items()]
    show_table(["status", "tasks", "of these"], rows, "queue")
    if queue.completed_count + queue.failed_count:
        say(
            f"{queue.success_rate:.1%} of what ended by itself succeeded; a completed task took "
            f"{milliseconds(queue.avg_execution_time_ms)} on average"
        )
    if (age := queue.oldest_ready_age_seconds) is not None:
        say(f"the oldest ready task has waited for {lasting(age)}")


def _numbers(agent: Agent, assigned: int) -> list[object]:
    tried = agent.total_completed + agent.total_failed
    return [
        agent.agent_id,
        f"{agent.active_tasks} of {agent.max_concurrent_tasks}",
        assigned,
        agent.total_completed,
        agent.total_failed,
        f"{agent.success_rate:.1%}" if tried else None,
        milliseconds(agent.avg_completion_ms) if agent.total_completed else None,
    ]


def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Repair what can be repaired.")] = False,
    as_json: Json = False,
) -> None:
    """Check that counters and derived edges agree with the data that they are derived from.

    The exit code is 1 if something is wrong and was not repaired.
    """
    with connect() as orch:
        report = orch.doctor(repair=repair)
    if as_json:
        show_json(plain(report) | {"is_sound": report.is_sound})
    elif report.findings:
        rows = [(row.check, row.node, row.expected, row.found) for row in report.findings]
        show_table(["check", "node", "expected", "found"], rows)
        say(f"{len(report.findings)} findings, {report.repaired} repaired")
    else:
        say("sound: nothing found")
    if not report.is_sound:
        raise typer.Exit(1)


def migrate(as_json: Json = False) -> None:
    """Bring the graph's schema to this version (connecting does it too)."""
    with connect() as orch:
        orch.schema.migrate()
        version = orch.schema.version()
    if as_json:
        show_json({"version": version})
    else:
        say(f"the schema has version {version}")


def export(
    workflow: Annotated[
        str | None, typer.Option("--workflow", help="Only its tasks, and no agents.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print agents, tasks with tries and steps, gates and budgets as JSON lines (always JSON).

    Of each gate and each budget the last line counts, where it comes more than once.
    """
    del as_json
    with connect() as orch:
        check_workflow(orch, workflow)
        for page in () if workflow else orch.export.agents():
            for row in page.agents:
                show_line({"kind": "agent"} | plain(row.agent))
            _show_around(page)
        for page in orch.export.tasks({"workflow_id": workflow} if workflow else None):
            for row in page.tasks:
                around = {"gate_ids": row.gate_ids, "charges": row.charges}
                steps = [plain(step.model_dump(exclude={"result"})) for step in row.steps]
                around |= {"tries": plain(row.tries), "steps": steps}
                show_line({"kind": "task"} | plain(row.task) | around)
            _show_around(page)


def _show_around(page: ExportPage) -> None:
    for kind, rows in (("gate", page.gates), ("budget", page.budgets)):
        for row in rows:
            show_line({"kind": kind} | plain(row))


def cypher(
    query: Annotated[str, typer.Argument(help="Cypher that only reads.")], as_json: Json = False
) -> None:
    """Run Cypher that only reads, and show its rows."""
    with connect() as orch:
        columns, rows = orch.graph.query(query)
    if as_json:
        show_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        show_table(columns, rows)


def statement(
    name: Annotated[
        str | None, typer.Argument(help="Its name, such as tasks/claim; by default all names.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a Cypher statement as it is sent; errors of the server name its lines and columns."""
    if name is not None:
        found = statements.statement(name)
        show_json(asdict(found)) if as_json else print(found.text)
    elif as_json:
        show_json(statements.names())
    else:
        print("\n".join(statements.names()))
