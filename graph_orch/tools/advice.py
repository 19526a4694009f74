"""Error messages for callers of tools, with what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from graph_orch._async.monitor import AsyncMonitor
from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.errors import (
    AgentAtCapacityError,
    AgentNotFoundError,
    AttemptEndedError,
    DependencyNotFoundError,
    InvalidTransitionError,
    OrchestrationError,
    StaleAttemptError,
    StoreError,
    TaskNotFoundError,
    UnmetDependencyError,
)


async def explain(monitor: AsyncMonitor, error: OrchestrationError) -> str:
    """An error's message with similar ids that exist, and the call that comes next."""
    similar: Sequence[str] = ()
    with suppress(StoreError):  # the message needs no store
        if isinstance(error, TaskNotFoundError):
            similar = await monitor.nearest_tasks(error.task_id)
        elif isinstance(error, AgentNotFoundError):
            similar = await monitor.nearest_agents(error.agent_id)
    meant = f"Did you mean {', '.join(similar)}?" if similar else ""
    return ". ".join(part for part in (str(error), meant, _next_call(error)) if part)


def _next_call(error: OrchestrationError) -> str:
    match error:
        case DependencyNotFoundError():
            return "Next: orchestration_query_tasks for the ids that are there"
        case TaskNotFoundError():
            return "Next: orchestration_query_tasks, with text or status, finds task ids"
        case AgentNotFoundError():
            return "Next: orchestration_get_agent_health lists, orchestration_register_agent adds"
        case AttemptEndedError() | StaleAttemptError():
            return "Next: orchestration_poll_tasks with claim=true for other work"
        case InvalidTransitionError():
            return f"Next: {_NEXT[TaskStatus(error.status)]}"
        case UnmetDependencyError():
            return "Next: orchestration_get_task_status names its dependencies"
        case AgentAtCapacityError():
            return "Next: orchestration_route_task chooses an agent with a free slot"
        case _:
            return ""


_NEXT = {
    TaskStatus.PENDING: "take it with orchestration_poll_tasks claim=true, or "
    "orchestration_assign_task",
    TaskStatus.ASSIGNED: "begin it with orchestration_start_task, or give it back with "
    "orchestration_fail_task action=release",
    TaskStatus.RUNNING: "end it with orchestration_complete_task or orchestration_fail_task",
    TaskStatus.COMPLETED: "it is done; orchestration_get_task_status has its result",
    TaskStatus.FAILED: "orchestration_fail_task action=retry lets it begin again",
    TaskStatus.CANCELLED: "orchestration_fail_task action=retry lets it begin again",
}
