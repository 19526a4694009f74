"""The errors for commands that the graph refused, from what it says about the task. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graph_orch.domain.forms import dump_json
from graph_orch.domain.lanes import told_of
from graph_orch.domain.lifecycle import EVENTS, HELD, TRANSITIONS, Command, allowed_from
from graph_orch.domain.models import Task
from graph_orch.domain.models.base import moment, some_moment
from graph_orch.errors import (
    AgentAtCapacityError,
    AgentNotFoundError,
    AgentPausedError,
    AttemptEndedError,
    BudgetExhaustedError,
    CommandConflictError,
    ConcurrencyLimitError,
    InvalidTransitionError,
    MissingCapabilityError,
    NotIndependentError,
    RateLimitError,
    StaleAttemptError,
    TaskError,
    TaskNotDueError,
    TaskNotFoundError,
    TaskPausedError,
    UnmetDependencyError,
    WorkflowCancelledError,
)


def refuse(
    command: Command, task_id: str, params: Mapping[str, Any], row: Mapping[str, Any]
) -> None:
    """Raise the reason why a command was refused; return where it does not hold any more.

    Args:
        params: The command's parameters, of which `attempt` and `agent_id` are read.
        row: A row of `tasks/inspect`.

    Raises:
        TaskError, AgentError: The reason.
    """
    task = row["task"]
    if not task:  # a node without properties was deleted while it was read
        raise TaskNotFoundError(task_id)
    if params.get("attempt") is not None:
        refuse_stale(command, params["attempt"], task)
    if "agent_id" in params and row["agent"] is None:
        raise AgentNotFoundError(params["agent_id"])
    if task["status"] not in TRANSITIONS[command]:
        raise InvalidTransitionError(command, task_id, task["status"], allowed_from(command))
    if command in (Command.ASSIGN, Command.RETRY) and not row["is_open"]:
        raise WorkflowCancelledError(task["workflow_id"])
    if command is Command.ASSIGN:
        _refuse_unready(task, row)
    if row["agent"] is not None:
        _refuse_agent(command, task, row)


def unrated(task: Task, attempt: int | None) -> TaskError:
    """The error for a rating of a task that has no such try.

    Args:
        attempt: None: the last try that was completed is meant.
    """
    if attempt is None:
        why = "none of its tries was completed; to rate another, give its attempt"
    elif attempt == task.attempt and task.status in HELD:
        why = f"attempt {attempt} has not ended"
    else:
        last = f"its last is {task.attempt}" if task.attempt else "it was not tried"
        why = f"it has no attempt {attempt}; {last}"
    return TaskError(f"cannot rate task {task.task_id!r}: {why}")


def refuse_conflict(
    command: Command, task_id: str, params: Mapping[str, Any], event: Mapping[str, Any]
) -> None:
    """Raise where a command's id belongs to an event of another command, not of this one repeated.

    Raises:
        CommandConflictError: The event has another type, task, agent, attempt or dependency.
    """
    given: dict[str, Any] = {"task_id": task_id}
    given |= {
        name: params[name] for name in ("agent_id", "attempt") if params.get(name) is not None
    }
    if command is Command.REASSIGN and "attempt" in given:
        given["attempt"] += 1  # its event is of the attempt that it began
    other = params.get("depends_on")
    if (
        event["type"] not in EVENTS[command]
        or any(event.get(name) != value for name, value in given.items())
        or (other is not None and event["detail"] != dump_json({"depends_on": other}))
    ):
        raise CommandConflictError(command, task_id, params["command_id"], used_for(event))


def used_for(event: Mapping[str, Any]) -> str:
    """What the command of an event did, for a CommandConflictError."""
    agent = f" by agent {event['agent_id']!r}" if event.get("agent_id") else ""
    return f"and task {event['task_id']!r} was {event['type']}{agent} (attempt {event['attempt']})"


def refuse_stale(what: str, attempt: int, task: Mapping[str, Any]) -> None:
    """Raise where an attempt on a task is not the current one, or has ended.

    Args:
        what: What the caller does, as a verb for the error.
        task: The properties of the task's node.

    Raises:
        StaleAttemptError: Another attempt began since.
        AttemptEndedError: The attempt is the last one, and has ended.
    """
    if attempt != task["attempt"]:
        raise StaleAttemptError(what, task["task_id"], attempt, task["attempt"])
    if task["status"] not in HELD:
        raise AttemptEndedError(what, task["task_id"], attempt, task["status"])


def _refuse_unready(task: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    task_id, limit = task["task_id"], row["limit"]
    if task["unmet"] > 0:
        raise UnmetDependencyError(task_id, task["unmet"])
    if not row["is_due"]:
        raise TaskNotDueError(task_id, some_moment(task["available_at"]).isoformat())
    if row["pauses"]:
        raise TaskPausedError(task_id, row["pauses"])
    if limit is not None and limit["max"] is not None and limit["active"] >= limit["max"]:
        raise ConcurrencyLimitError(task_id, limit["key"], limit["max"])
    if limit is not None and limit["next_in"] > 0:
        raise RateLimitError(task_id, limit["key"], some_moment(limit["next_at"]).isoformat())


def _refuse_agent(command: Command, task: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    task_id, agent = task["task_id"], row["agent"]
    if command is Command.REASSIGN and task["assigned_to"] == agent["agent_id"]:
        raise TaskError(
            f"cannot reassign task {task_id!r}: agent {agent['agent_id']!r} holds it already"
        )
    has = {*agent["skills"], *agent.get("terms", ())}
    if missing := [told_of(need) for need in row["needs"] if need not in has]:
        raise MissingCapabilityError(agent["agent_id"], task_id, missing)
    active, most = agent["active_tasks"], agent["slots"]
    if most == 0:
        until = moment(agent["paused_until"])
        told = None if until is None else until.isoformat()
        raise AgentPausedError(agent["agent_id"], told, agent.get("paused_reason"))
    if active >= most:
        raise AgentAtCapacityError(agent["agent_id"], active, most)
    if not row["is_independent"]:
        raise NotIndependentError(agent["agent_id"], task_id)
    if row["short"]:
        raise BudgetExhaustedError(row["short"], task_id)


def contention(command: Command, task_id: str) -> TaskError:
    """The error for a command whose every try conflicted with another caller's command."""
    return TaskError(
        f"cannot {command} task {task_id!r}: other callers kept changing it at the same time; "
        "try again"
    )
