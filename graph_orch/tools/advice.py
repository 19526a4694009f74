"""What a caller is told of an error: what is the case, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable

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
    """An error's message with the call that comes next, and the ids that may have been meant.

    Where the store is away there is no looking up.
    """
    advice = _advice(error)
    try:
        meant = await _meant(monitor, error)
    except StoreError:
        meant = ""
    return ". ".join(part for part in (str(error), meant, advice) if part)


async def _meant(monitor: AsyncMonitor, error: OrchestrationError) -> str:
    match error:
        case TaskNotFoundError():
            return _like(await monitor.nearest_tasks(error.task_id))
        case AgentNotFoundError():
            return _like(await monitor.nearest_agents(error.agent_id))
        case _:
            return ""


def _like(names: Iterable[str]) -> str:
    known = ", ".join(names)
    return f"Did you mean {known}?" if known else ""


def _advice(error: OrchestrationError) -> str:
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
