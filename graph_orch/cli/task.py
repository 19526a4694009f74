"""`graph-orch task …`"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

import typer

from graph_orch import Step, Task, TaskStatus
from graph_orch.cli.durations import ago
from graph_orch.cli.output import (
    Json,
    Lines,
    beginning,
    console,
    say,
    show,
    show_json,
    show_list,
    show_table,
)
from graph_orch.cli.store import check_workflow, connect
from graph_orch.cli.task_options import takes_task
from graph_orch.cli.watch import Every, Listing, Watch, follow
from graph_orch.domain.characters import visible
from graph_orch.domain.forms import dump_json, shortened
from graph_orch.domain.models import TaskChanges
from graph_orch.errors import InvalidTransitionError, TaskNotFoundError

app = typer.Typer(no_args_is_help=True, help="Create tasks and follow them.")

Columns = dict[str, str | Callable[[Task], object]]


def _what(task: Task) -> str:
    return beginning(f"{task.name}: {task.content}" if task.name else task.content, 60)


COLUMNS: Columns = {
    "task": "task_id",
    "type": "task_type",
    "status": "status",
    "created": lambda task: ago(task.created_at),
    "priority": "priority",
    "agent": "assigned_to",
    "waits for": lambda task: task.unmet or None,
    "content": _what,
}
NARROW: Columns = {
    "task": lambda task: Lines([task.task_id, beginning(f"{task.task_type}: {_what(task)}", 36)]),
    "status": "status",
    "created": lambda task: ago(task.created_at),
    "agent": "assigned_to",
}
"""Where fewer than WIDE characters fit into a line."""
WIDE = 120
WHOLE = frozenset({"task", "status", "created"})

STEP_COLUMNS: dict[str, str | Callable[[Step], object]] = {
    "at": "at",
    "step": "key",
    "attempt": "attempt",
    "ms": "duration_ms",
    "result": lambda step: shortened(dump_json(step.result), 100),
}

TaskId = Annotated[str, typer.Argument(help="The task's id.")]
Status = Annotated[list[TaskStatus] | None, typer.Option(help="Only these; may be repeated.")]
OnlyAgent = Annotated[str | None, typer.Option("--agent", help="Only this agent's.")]
OnlyWorkflow = Annotated[
    str | None, typer.Option("--workflow", help="Only of the workflow with this id.")
]
OnlyType = Annotated[str | None, typer.Option("--type", help="Only of this type.")]
OnlyText = Annotated[
    str | None, typer.Option("--text", help="Only with all these words in the content.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how many pass the filters.")]
Limit = Annotated[int, typer.Option(help="The most tasks.")]


@app.command("create", epilog="Example: graph-orch task create 'sort this' --type code -s python")
@takes_task()
def create(
    content: Annotated[str, typer.Argument(help="What is to be done.")],
    task: dict[str, Any],
    as_json: Json = False,
) -> None:
    """Create a task, and print its id."""
    with connect() as orch:
        task_id = orch.tasks.create_task(content, **task)
        created = orch.tasks.get_task(task_id)
    if as_json:
        show_json(created)
    else:
        print(visible(task_id))


@app.command("list", epilog="Example: graph-orch task list --status pending --limit 20")
def list_(
    status: Status = None,
    agent: OnlyAgent = None,
    task_type: OnlyType = None,
    workflow: OnlyWorkflow = None,
    text: OnlyText = None,
    limit: Limit = 100,
    watch: Watch = False,
    every: Every = 2.0,
    as_json: Json = False,
) -> None:
    """List tasks, newest first; with --text oldest first.

    With --watch it goes on: a live table on a terminal, a line for each change elsewhere.
    """
    filters = _filters(status, agent, task_type, workflow, text)
    newest = not text  # no index has those found by words in the order of their creation
    columns = NARROW if console().width < WIDE else COLUMNS
    with connect() as orch:
        check_workflow(orch, workflow)
        if watch:

            def look() -> Listing[Task]:
                page = orch.tasks.query_tasks(filters, limit=limit, newest_first=newest)
                return Listing(page, columns, _line, WHOLE)

            follow(look, every, as_json)
        page = orch.tasks.query_tasks(filters, limit=limit, newest_first=newest)
    show_list(page, columns, as_json, WHOLE)
    if page.next_cursor is not None and not as_json:
        say("there are more; see them with a higher --limit")


def _line(task: Task) -> str:
    by = f" by {task.assigned_to}" if task.assigned_to else ""
    return f"{task.task_id} {task.status}{by}: {task.task_type}: {_what(task)}"


@app.command("show", epilog="Example: graph-orch task show TASK_ID")
def show_(task_id: TaskId, as_json: Json = False) -> None:
    """Show a task."""
    with connect() as orch:
        task = orch.tasks.get_task(task_id)
    show(task, as_json)


@app.command("steps", epilog="Example: graph-orch task steps TASK_ID")
def steps(task_id: TaskId, as_json: Json = False) -> None:
    """Show what the handler of a task has kept."""
    with connect() as orch:
        found = orch.tasks.get_steps(task_id)
    show_list(found, STEP_COLUMNS, as_json)


@app.command("why", epilog="Example: graph-orch task why TASK_ID")
def why(task_id: TaskId, limit: Limit = 100, as_json: Json = False) -> None:
    """Explain why a task waits: the tasks at the root of it, and why those wait."""
    with connect() as orch:
        found = orch.insights.why_blocked(task_id, limit)
    if as_json:
        show_json(found)
        return
    say(f"{found.task_id} is {found.status}" + (", and waits" if found.is_waiting else ""))
    for reason in found.reasons:
        say(f"- {reason.sentence}")
    if found.root_count > len(found.roots):
        say(f"it waits for {found.root_count} tasks in all; see them with a higher --limit")


@app.command("history", epilog="Example: graph-orch task history TASK_ID")
def history(task_id: TaskId, as_json: Json = False) -> None:
    """Show everything that happened to a task."""
    with connect() as orch:
        events = orch.tasks.get_history(task_id)
        tries = orch.tasks.get_tries(task_id)
    if not events:
        raise TaskNotFoundError(task_id)
    if as_json:
        show_json(events)
        return
    rows = [(event.at, event.type, event.attempt, event.agent_id, event.detail) for event in events]
    show_table(["at", "what", "attempt", "agent", "detail"], rows)
    for task_try in tries:
        if task_try.traceback:
            say(f"attempt {task_try.attempt}:")
            for line in task_try.traceback.splitlines():
                say(f"  | {line}")  # so that no line of it looks like one of ours


@app.command("cancel", epilog="Example: graph-orch task cancel --type code --status pending")
def cancel(
    task_id: Annotated[str | None, typer.Argument(help="The task's id.")] = None,
    status: Status = None,
    agent: OnlyAgent = None,
    task_type: OnlyType = None,
    workflow: OnlyWorkflow = None,
    text: OnlyText = None,
    reason: Annotated[str | None, typer.Option(help="The reason, which the history keeps.")] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Cancel a task, or every live one that passes the filters."""
    filters = _filters(status, agent, task_type, workflow, text)
    if (task_id is None) is not bool(filters):
        raise typer.BadParameter("give either a task's id, or filters such as --type")
    if task_id is None:
        with connect() as orch:
            check_workflow(orch, workflow)
            many = partial(orch.tasks.cancel_tasks, filters, reason=reason)
            _change_many(many, "cancel", "cancelled", yes, dry_run, as_json)
        return
    _refuse_for_one(dry_run)
    with connect() as orch:
        task = orch.tasks.cancel_task(task_id, reason)
    show(task, as_json)


@app.command("rate", epilog="Example: graph-orch task rate TASK_ID 0.8 --by ada")
def rate(
    task_id: TaskId,
    score: Annotated[float, typer.Argument(help="How good its work was, from 0 to 1.")],
    by: Annotated[str | None, typer.Option(help="Who says so.")] = None,
    comment: Annotated[str | None, typer.Option(help="What is good or bad about it.")] = None,
    attempt: Annotated[
        int | None, typer.Option(help="Which try; by default the last one that was completed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how good the work of a task was; the newest rating counts."""
    with connect() as orch:
        rated = orch.tasks.rate(task_id, score, by=by, comment=comment, attempt=attempt)
    show(rated, as_json)


@app.command("update", epilog="Example: graph-orch task update TASK_ID --priority high")
@takes_task(only=TaskChanges.__annotations__)
def update(task_id: TaskId, task: dict[str, Any], as_json: Json = False) -> None:
    """Change what a task that has not ended asks for."""
    with connect() as orch:
        changed = orch.tasks.update_task(task_id, **task)
    show(changed, as_json)


@app.command("retry", epilog="Example: graph-orch task retry --failed --type code --limit 20")
def retry(
    task_id: Annotated[str | None, typer.Argument(help="The task's id.")] = None,
    failed: Annotated[
        bool,
        typer.Option("--failed", help="Failed tasks, as many as --limit says; prints their ids."),
    ] = False,
    status: Status = None,
    agent: OnlyAgent = None,
    task_type: OnlyType = None,
    workflow: OnlyWorkflow = None,
    text: OnlyText = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Forget what its handler has kept.")
    ] = False,
    limit: Annotated[int, typer.Option(help="The most tasks, with --failed.")] = 100,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Return a failed or cancelled task to pending, or every one that passes the filters."""
    filters = _filters(status, agent, task_type, workflow, text)
    if failed and (task_id is not None or filters.keys() - {"task_type"} or dry_run):
        raise typer.BadParameter("--failed goes with --type and --limit only; see --status")
    if failed:
        if from_start:
            raise typer.BadParameter("--from-start does not go with --failed; see --status failed")
        _retry_failed(task_type, limit, as_json)
        return
    if (task_id is None) is not bool(filters):
        raise typer.BadParameter("give either a task's id, or --failed, or filters such as --type")
    if task_id is None:
        with connect() as orch:
            check_workflow(orch, workflow)
            many = partial(orch.tasks.retry_tasks, filters, from_start=from_start)
            _change_many(many, "retry", "retried", yes, dry_run, as_json)
        return
    _refuse_for_one(dry_run)
    with connect() as orch:
        task = orch.tasks.retry_task(task_id, from_start=from_start)
    show(task, as_json)


def _refuse_for_one(dry_run: bool) -> None:
    if dry_run:
        raise typer.BadParameter("--dry-run counts the tasks that pass filters: give these")


def _filters(
    status: list[TaskStatus] | None,
    agent: str | None,
    task_type: str | None,
    workflow: str | None,
    text: str | None = None,
) -> dict[str, Any]:
    given: dict[str, Any] = {
        "status": status,
        "agent_id": agent,
        "task_type": task_type,
        "workflow_id": workflow,
        "text": text,
    }
    return {name: value for name, value in given.items() if value}


def _change_many(
    change: Callable[..., int], verb: str, done: str, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Change the tasks that pass filters; on a terminal only when its user says so."""
    number = 0
    if dry_run or (not yes and sys.stdin.isatty()):
        number = change(dry_run=True)
    if not dry_run:
        if number:
            typer.confirm(f"{verb} {number} tasks?", abort=True, err=True)
        number = change()
    if as_json:
        show_json({("matched" if dry_run else done): number})
    else:
        say(f"{number} tasks match" if dry_run else f"{number} tasks {done}")


def _retry_failed(task_type: str | None, limit: int, as_json: bool) -> None:
    only_type = {"task_type": task_type} if task_type else {}
    retried: list[Task] = []
    with connect() as orch:
        for task in orch.tasks.query_tasks({"status": TaskStatus.FAILED, **only_type}, limit=limit):
            # Another process may have retried or deleted it meanwhile.
            with suppress(InvalidTransitionError, TaskNotFoundError):
                retried.append(orch.tasks.retry_task(task.task_id))
    if as_json:
        show_json(retried)
        return
    for task in retried:
        print(visible(task.task_id))
