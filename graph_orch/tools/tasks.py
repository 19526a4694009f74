"""The tools for tasks."""

from __future__ import annotations

import time
from itertools import islice
from typing import Annotated, Any

from pydantic import Field

from graph_orch.domain.fields import JsonObject, NewName
from graph_orch.domain.lifecycle import HELD, LIVE, ErrorClass, TaskStatus
from graph_orch.domain.models import Claim, NewTask, Right, TaskFilters
from graph_orch.errors import ValidationError
from graph_orch.tools import parameters as p
from graph_orch.tools.answers import (
    Created,
    TaskDetail,
    TaskRow,
    TaskRows,
    TaskState,
    Work,
    WorkItem,
)
from graph_orch.tools.call import Call
from graph_orch.tools.schemas import FieldsOf

REPORT_EVERY_SECONDS = 5.0
DEFAULT_LEASE_SECONDS = 300.0
LOOKED_AT = 10
MOST_WARNINGS = 20


class TaskSpec(NewTask):
    """A task in the form in which the tool takes it."""

    task_type: NewName = Field("task", description="Kind of task")
    metadata: JsonObject | None = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        None, description="JSON object, at most 1 MB"
    )  # an object only, unlike NewTask's, so that JSON text from a language model is parsed

    def new(self, **more: Any) -> NewTask:
        """The task to create, with more fields."""
        given = {"task_type": self.task_type, **self.model_dump(exclude_unset=True), **more}
        return NewTask.parsed("create_task", given)


async def create_task(
    call: Call,
    task: Annotated[dict[str, Any], FieldsOf(TaskSpec)],
    tasks: Annotated[
        list[TaskSpec] | None, p.names("Or a batch, with these fields", p.MOST_TASKS)
    ] = None,
) -> Created:
    """Create a task, or with `tasks` many in one transaction, which may depend on each other."""
    if ("content" in task) == (tasks is not None):
        raise ValidationError("create_task: give either content, or tasks for a batch")
    if tasks is None:
        new = [TaskSpec.parsed("create_task", task).new()]
    else:  # a key for the whole batch gives each task without one its own
        key = task.get("idempotency_key")
        new = [
            spec.new(idempotency_key=f"{key}:{n}")
            if key and not spec.idempotency_key
            else spec.new()
            for n, spec in enumerate(tasks)
        ]
    ids = await call.orch.tasks.create_tasks(new)
    wanted = dict.fromkeys(name for task in new for name in task.requirements)
    unknown = await call.orch.monitor.unknown_skills(list(wanted)) if wanted else {}
    warnings: list[str] = []
    for skill, similar in islice(unknown.items(), MOST_WARNINGS):
        meant = f"; did you mean {', '.join(similar)}?" if similar else ""
        warnings.append(f"no agent has the skill {skill!r}{meant}")
    if len(unknown) > MOST_WARNINGS:
        warnings.append(f"no agent has {len(unknown) - MOST_WARNINGS:,} other skills either")
    return Created(task_ids=ids, warnings=warnings)


async def poll_tasks(
    call: Call,
    agent_id: p.AgentId | None = None,
    status: p.Status = TaskStatus.PENDING,
    limit: Annotated[int | None, p.number("Default 10, 1 to claim", 1, p.MOST_ROWS)] = None,
    claim: Annotated[bool, p.about("Take them, for agent_id")] = False,
    lease_seconds: p.Lease = DEFAULT_LEASE_SECONDS,
    wait_seconds: p.Wait = 0,
    task_types: p.TaskTypes | None = None,
    command_id: p.CommandId | None = None,
) -> Work:
    """Look at the tasks to do next, or with claim=true take them under a lease.

    pending: only ready ones the agent's skills cover, best first. Claimed ones are not started.
    """
    if not claim:
        found = await call.orch.tasks.poll_tasks(
            call.caller.acting_as(agent_id), status, limit or LOOKED_AT, task_types=task_types
        )
        return Work(tasks=[WorkItem.preview(task) for task in found], claimed=False)
    agent_id = call.caller.acting_as(agent_id)
    if agent_id is None:
        raise ValidationError("poll_tasks: claim needs agent_id: who takes the tasks")
    claims = await _claim(
        call,
        wait_seconds,
        agent_id=agent_id,
        limit=limit or 1,
        lease_seconds=lease_seconds,
        task_types=task_types,
        command_id=command_id,
    )
    return Work(tasks=[WorkItem.of(claim.task) for claim in claims], claimed=True)


async def assign_task(
    call: Call,
    task_id: p.TaskId,
    agent_id: p.AgentId,
    lease_seconds: p.Lease | None = None,
    reassign: Annotated[bool, p.about("Take it from its holder first")] = False,
    command_id: p.CommandId | None = None,
) -> TaskState:
    """Give a ready task to an agent by hand. Without a lease it is the agent's until it ends."""
    tasks = call.orch.tasks
    agent_id = call.caller.acting_as(agent_id) or agent_id
    if reassign:
        call.caller.require(Right.ADMINISTER, "reassigning a task")
    is_held = reassign and (await tasks.get_task(task_id)).status in HELD
    give = tasks.reassign_task if is_held else tasks.assign_task
    task = await give(task_id, agent_id, lease_seconds=lease_seconds, command_id=command_id)
    return TaskState.of(task)


async def start_task(
    call: Call,
    task_id: p.TaskId,
    attempt: p.Attempt | None = None,
    heartbeat: Annotated[bool, p.about("Keep the lease of a task that you hold")] = False,
    progress: p.Progress | None = None,
    message: p.Message | None = None,
    lease_seconds: p.Lease = DEFAULT_LEASE_SECONDS,
    command_id: p.CommandId | None = None,
) -> TaskState:
    """Begin an assigned task; or with heartbeat=true renew its lease and tell how far it is."""
    attempt = await call.caller.own_attempt(call.orch, task_id, attempt)
    if not heartbeat:
        started = await call.orch.tasks.start_task(task_id, attempt=attempt, command_id=command_id)
        return TaskState.of(started)
    task = await call.orch.tasks.heartbeat_task(
        task_id, attempt, lease_seconds=lease_seconds, progress=progress, message=message
    )
    return TaskState.of(task)


async def complete_task(
    call: Call,
    task_id: p.TaskId,
    result: p.Json = None,
    metrics: Annotated[dict[str, Any] | None, Field(description="duration_ms and others")] = None,
    attempt: p.Attempt | None = None,
    command_id: p.CommandId | None = None,
) -> TaskState:
    """Finish a running task; tasks that wait for it become ready."""
    attempt = await call.caller.own_attempt(call.orch, task_id, attempt)
    task = await call.orch.tasks.complete_task(
        task_id, result, metrics, attempt=attempt, command_id=command_id
    )
    return TaskState.of(task)


async def fail_task(
    call: Call,
    task_id: p.TaskId,
    action: Annotated[
        p.Ending,
        Field(
            description="fail a try; release: give it back, no retry spent; cancel for good; "
            "retry a failed or cancelled task"
        ),
    ] = p.Ending.FAIL,
    error: p.ErrorText | None = None,
    should_retry: Annotated[bool, p.about("While retries are left")] = True,
    error_class: p.ErrorKind = ErrorClass.TRANSIENT,
    retry_after: p.RetryAfter | None = None,
    exclude_agent: Annotated[bool, p.about("Not this agent again")] = False,
    attempt: p.Attempt | None = None,
    command_id: p.CommandId | None = None,
) -> TaskState:
    """End a try that is not done, or redrive a task: see action."""
    tasks = call.orch.tasks
    if action in (p.Ending.FAIL, p.Ending.RELEASE):
        attempt = await call.caller.own_attempt(call.orch, task_id, attempt)
    match action:
        case p.Ending.FAIL:
            if error is None:
                raise ValidationError("fail_task: error is needed: say what went wrong")
            task = await tasks.fail_task(
                task_id,
                error,
                should_retry,
                error_class=error_class,
                retry_after=retry_after,
                exclude_agent=exclude_agent,
                attempt=attempt,
                command_id=command_id,
            )
        case p.Ending.RELEASE:
            task = await tasks.release_task(task_id, error, attempt=attempt, command_id=command_id)
        case p.Ending.CANCEL:
            if why := call.why_not("CancelTask"):
                raise ValidationError(
                    f"fail_task: the action cancel is served where CancelTask is, and {why}; "
                    "action release gives back a task that you hold"
                )
            task = await tasks.cancel_task(task_id, error, command_id=command_id)
        case p.Ending.RETRY:
            call.caller.require(Right.ADMINISTER, "retrying a task")
            task = await tasks.retry_task(task_id, command_id=command_id)
    return TaskState.of(task)


async def get_task_status(
    call: Call,
    task_id: p.TaskId,
    history: Annotated[bool, p.about("With all that happened to it")] = False,
    full: Annotated[bool, p.about("Do not cut long fields")] = False,
    wait_seconds: p.Wait = 0,
) -> TaskDetail:
    """A task with its result or error; with wait_seconds wait for its end first."""
    began = time.monotonic()
    task = await call.orch.tasks.get_task(task_id)
    while task.status in LIVE and (left := wait_seconds - (time.monotonic() - began)) > 0:
        await call.report(wait_seconds - left, wait_seconds, f"task is {task.status}")
        seconds = min(left, REPORT_EVERY_SECONDS)
        task = await call.orch.tasks.wait_until_ended(task_id, seconds)
    events = await call.orch.tasks.get_history(task_id) if history else None
    return TaskDetail.of_all(task, events, full)


async def query_tasks(
    call: Call,
    filters: Annotated[dict[str, Any], FieldsOf(TaskFilters)],
    limit: p.Rows = 20,
    cursor: p.NextPage | None = None,
) -> TaskRows:
    """Find tasks by any of these filters, a page at a time."""
    page = await call.orch.tasks.query_tasks(filters, limit=limit, after=cursor)
    return TaskRows(tasks=[TaskRow.preview(task) for task in page], next_cursor=page.next_cursor)


async def _claim(call: Call, wait_seconds: float, **asked: Any) -> list[Claim]:
    """Claim tasks; while there are none, wait and report from time to time."""
    began = time.monotonic()
    claims = await call.orch.tasks.claim_tasks(**asked)
    while not claims and (left := wait_seconds - (time.monotonic() - began)) > 0:
        await call.report(wait_seconds - left, wait_seconds, "waiting for a ready task")
        seconds = min(left, REPORT_EVERY_SECONDS)
        claims = await call.orch.tasks.claim_tasks(wait_seconds=seconds, **asked)
    return claims
