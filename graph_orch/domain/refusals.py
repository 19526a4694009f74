"""Why a command was refused, from what the graph says about the task and the agent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graph_orch.domain.lifecycle import EVENTS, HELD, TRANSITIONS, Command, allowed_from
from graph_orch.domain.models.base import some_moment
from graph_orch.domain.values import dump_json
from graph_orch.errors import (
    AgentAtCapacityError,
    AgentNotFoundError,
    AttemptEndedError,
    CommandConflictError,
    ConcurrencyLimitError,
    InvalidTransitionError,
    MissingCapabilityError,
    StaleAttemptError,
    TaskError,
    TaskNotDueError,
    TaskNotFoundError,
    UnmetDependencyError,
)


def refuse(
    command: Command, task_id: str, params: Mapping[str, Any], row: Mapping[str, Any]
) -> None:
    """Raise the reason; return where there is none (any more).

    Args:
        params: What the command was asked with; `attempt` and `agent_id` count.
        row: A row of `tasks/inspect`.
    """
    task = row["task"]
    if not task:  # without properties it was deleted while it was read
        raise TaskNotFoundError(task_id)
    if params.get("attempt") is not None:
        refuse_stale(command, params["attempt"], task)
    if command is Command.ASSIGN and "agent_id" in params and row["agent"] is None:
        raise AgentNotFoundError(params["agent_id"])
    if task["status"] not in TRANSITIONS[command]:
        raise InvalidTransitionError(command, task_id, task["status"], allowed_from(command))
    if command is Command.ASSIGN:
        _refuse_unready(task, row["is_due"])
        _refuse_limited(task, row["limit"])
        if row["agent"] is not None:
            _refuse_agent(task, row["skills"], row["agent"])


def refuse_conflict(
    command: Command, task_id: str, params: Mapping[str, Any], event: Mapping[str, Any]
) -> None:
    """Raise unless an event that bears a command's id is of this very command, asked again."""
    asked = {"task_id": task_id}
    asked |= {
        name: params[name] for name in ("agent_id", "attempt") if params.get(name) is not None
    }
    other = params.get("depends_on")
    if (
        event["type"] not in EVENTS[command]
        or any(event.get(name) != value for name, value in asked.items())
        or (other is not None and event["detail"] != dump_json({"depends_on": other}))
    ):
        raise CommandConflictError(command, task_id, params["command_id"], used_for(event))


def used_for(event: Mapping[str, Any]) -> str:
    """What a command that left an event did, for an error."""
    agent = f" by agent {event['agent_id']!r}" if event.get("agent_id") else ""
    return f"and task {event['task_id']!r} was {event['type']}{agent} (attempt {event['attempt']})"


def refuse_stale(what: str, attempt: int, task: Mapping[str, Any]) -> None:
    """Raise where an attempt on a task (its properties) is not the current one, or has ended."""
    if attempt != task["attempt"]:
        raise StaleAttemptError(what, task["task_id"], attempt, task["attempt"])
    if task["status"] not in HELD:
        raise AttemptEndedError(what, task["task_id"], attempt, task["status"])


def _refuse_unready(task: Mapping[str, Any], is_due: bool) -> None:
    if task["unmet"] > 0:
        raise UnmetDependencyError(task["task_id"], task["unmet"])
    if not is_due:
        raise TaskNotDueError(task["task_id"], some_moment(task["available_at"]).isoformat())


def _refuse_limited(task: Mapping[str, Any], limit: Mapping[str, Any] | None) -> None:
    if limit is not None and limit["active"] >= limit["max"]:
        raise ConcurrencyLimitError(task["task_id"], limit["key"], limit["max"])


def _refuse_agent(task: Mapping[str, Any], required: list[str], agent: Mapping[str, Any]) -> None:
    missing = [key for key in required if key not in agent["skills"]]
    if missing:
        raise MissingCapabilityError(agent["agent_id"], task["task_id"], missing)
    if agent["active_tasks"] >= agent["max_concurrent_tasks"]:
        raise AgentAtCapacityError(
            agent["agent_id"], agent["active_tasks"], agent["max_concurrent_tasks"]
        )


def contention(command: Command, task_id: str) -> TaskError:
    """The error for a command whose every try met somebody else's."""
    return TaskError(
        f"cannot {command} task {task_id!r}: others kept changing it at the same time; try again"
    )
