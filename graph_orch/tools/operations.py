"""The tools of operators: they change, cancel and retry tasks whoever holds them, and pause.

An agent ends its own try with `fail_task`, which can cancel and retry too; here is for each what an
operator says of it, and no more. `assign_task` gives a held task to another agent.
"""

from __future__ import annotations

from typing import Annotated, Any

from graph_orch.domain.fields import LeaseSeconds
from graph_orch.domain.models import TaskChanges, TaskFilters
from graph_orch.errors import ValidationError
from graph_orch.tools import parameters as p
from graph_orch.tools.answers import Number, Paused, Removed, TaskState
from graph_orch.tools.call import Call
from graph_orch.tools.schemas import FieldsOf
from graph_orch.tools.tasks import TaskSpec

CHANGES = frozenset(TaskChanges.__annotations__)
Reason = Annotated[str, p.text("Why", 10_000)]
What = Annotated[str, p.text("queue, task_type:NAME, workflow:ID or agent:ID")]
DryRun = Annotated[bool, p.about("Only count them")]
FromStart = Annotated[bool, p.about("Forget the steps of handlers")]


async def update_task(
    call: Call,
    task_id: p.TaskId,
    changes: Annotated[dict[str, Any], FieldsOf(TaskSpec, CHANGES)],
    clear: Annotated[list[str] | None, p.names("Fields to take away")] = None,
    command_id: p.CommandId | None = None,
) -> TaskState:
    """Change what a task that has not ended asks for; deadlines count from now."""
    # A null is an absent argument, as language models write it: `clear` is what they cannot mean.
    if others := sorted(set(clear or ()) - CHANGES):
        raise ValidationError(
            f"update_task: clear: {', '.join(others)[:1_000]} cannot change; what can be taken "
            f"away is {', '.join(sorted(CHANGES))}"
        )
    if both := sorted(changes.keys() & set(clear or ())):
        raise ValidationError(f"update_task: {', '.join(both)}: both given and in clear")
    fields: dict[str, Any] = {**changes, **dict.fromkeys(clear or ())}
    return TaskState.of(await call.orch.tasks.update_task(task_id, command_id=command_id, **fields))


async def cancel_task(
    call: Call,
    task_id: p.TaskId,
    reason: Reason | None = None,
    command_id: p.CommandId | None = None,
) -> TaskState:
    """Give a task up for good, whoever holds it."""
    return TaskState.of(await call.orch.tasks.cancel_task(task_id, reason, command_id=command_id))


async def retry_task(
    call: Call,
    task_id: p.TaskId,
    from_start: FromStart = False,
    command_id: p.CommandId | None = None,
) -> TaskState:
    """Let a failed or cancelled task begin again."""
    return TaskState.of(
        await call.orch.tasks.retry_task(task_id, from_start=from_start, command_id=command_id)
    )


async def release_task(
    call: Call,
    task_id: p.TaskId,
    reason: Reason | None = None,
    exclude_agent: Annotated[bool, p.about("Not its holder again")] = False,
    attempt: Annotated[p.Attempt | None, p.about("Only if this try holds it")] = None,
    command_id: p.CommandId | None = None,
) -> TaskState:
    """Take a task from its holder: pending again, no retry spent."""
    task = await call.orch.tasks.release_task(
        task_id, reason, attempt=attempt, exclude_agent=exclude_agent, command_id=command_id
    )
    return TaskState.of(task)


async def cancel_tasks(
    call: Call,
    filters: Annotated[dict[str, Any], FieldsOf(TaskFilters)],
    reason: Reason | None = None,
    dry_run: DryRun = False,
) -> Number:
    """Cancel every live task that passes these filters, one at least."""
    number = await call.orch.tasks.cancel_tasks(filters, reason=reason, dry_run=dry_run)
    return Number(number=number)


async def retry_tasks(
    call: Call,
    filters: Annotated[dict[str, Any], FieldsOf(TaskFilters)],
    from_start: FromStart = False,
    dry_run: DryRun = False,
) -> Number:
    """Retry every failed or cancelled task that passes these filters, one at least."""
    number = await call.orch.tasks.retry_tasks(filters, from_start=from_start, dry_run=dry_run)
    return Number(number=number)


async def pause(
    call: Call,
    what: What,
    seconds: Annotated[LeaseSeconds | None, p.about("Absent: until it is resumed")] = None,
    reason: Reason | None = None,
) -> Paused:
    """Give out nothing of the queue, a task type, a workflow or an agent; what is held goes on."""
    found = await call.orch.pauses.put(what, seconds=seconds, reason=reason, by=call.caller.name)
    return Paused.of(found)


async def resume(call: Call, what: What) -> Removed:
    """Let go on what was paused."""
    return Removed(removed=await call.orch.pauses.remove(what))
