"""The overview, the tasks, and one task."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest
from itertools import islice
from typing import Any

from graph_orch import Task, TaskFilters, TaskStatus
from graph_orch.domain.lifecycle import HELD, TaskPriority
from graph_orch.domain.models import WhyBlocked
from graph_orch.errors import TaskNotFoundError, ValidationError
from graph_orch.serve.web.asked import Asked, Screen, Seen
from graph_orch.serve.web.curves import Value, curves
from graph_orch.serve.web.drawing import draw

ROWS = 50
EXPLAINED = 5
"""Tasks whose waiting the overview explains: the oldest pending ones."""
REASONS = 20
NEIGHBOURS = 50
"""Tasks before and after a task that its page tells."""
MOST_AFTER = 1_000
"""Tasks that are read to count those that wait for a task."""
MINUTE = 60
LEAST_SHOWN = 15
"""Minutes that the curves show at least, where nothing happened earlier."""
FILTERS = ("status", "task_type", "agent_id", "workflow_id", "requirement", "priority", "text")
MOMENTS = ("created_after", "created_before", "finished_after", "finished_before")


async def overview(asked: Asked) -> Seen:
    """The queue at a glance, what stands still, and what would help."""
    orch = asked.orch
    load = (await orch.agents.get_agent_statistics()).load
    workers = await orch.agents.list_workers()
    return {
        "queue": await orch.tasks.get_queue_statistics(),
        "hour": await _hour(asked),
        "health": await orch.monitor.get_health(),
        "advice": await orch.monitor.get_recommendations(),
        "agents": nsmallest(10, load, key=lambda it: (-it.utilization, it.agent_id)),
        "agent_count": len(load),
        "slots": sum(it.max_concurrent_tasks for it in load),
        "held": sum(it.active_tasks for it in load),
        "workers": [it for it in workers if it.is_live][:10],
        "live_count": sum(it.is_live for it in workers),
        "running": await orch.tasks.query_tasks(
            {"status": list(HELD)}, limit=10, newest_first=True
        ),
        "waiting": await _waiting(asked),
        "gates": await orch.gates.list(limit=5),
        "pauses": await orch.pauses.list(),
    }


async def _hour(asked: Asked) -> dict[str, Any]:
    """The last hour: percentiles, and curves by the minute."""
    await asked.meter.look()
    hour = asked.meter.recent(MINUTE)
    begins = next((n for n, it in enumerate(hour.slots) if it.created or it.ended), 0)
    shown = hour.slots[min(begins, max(0, len(hour.slots) - LEAST_SHOWN)) :]
    per_second: dict[str, Value] = {
        "created": lambda slot: slot.created / MINUTE,
        "ended": lambda slot: slot.ended / MINUTE,
        "failed": lambda slot: slot.failed / MINUTE,
    }
    waits: dict[str, Value] = {
        "p50": lambda slot: slot.waits.p50,
        "p95": lambda slot: slot.waits.p95,
    }
    return {
        "waits": hour.waits,
        "runs": hour.runs,
        "ended": sum(slot.ended for slot in hour.slots),
        "curves": [
            found
            for found in (
                curves("Tasks a second", "/s", shown, per_second),
                curves("Wait until a try begins", "s", shown, waits),
            )
            if found
        ],
    }


async def _waiting(asked: Asked) -> list[dict[str, Any]]:
    """The oldest pending tasks that wait, each with why."""
    orch, found = asked.orch, list[dict[str, Any]]()
    for task in await orch.tasks.query_tasks({"status": TaskStatus.PENDING}, limit=EXPLAINED):
        try:
            why = await orch.insights.why_blocked(task.task_id, 2)
        except TaskNotFoundError:  # deleted meanwhile
            continue
        found.append({"task": task, "why": why})
    return found


async def tasks(asked: Asked) -> Seen:
    """The tasks that pass the filters of the address, a page of them."""
    given = {name: asked.request.query_params.getlist(name) for name in FILTERS}
    filters: dict[str, Any] = {
        name: [it for it in map(str.strip, given[name]) if it] for name in FILTERS
    }
    filters = {name: values for name, values in filters.items() if values}
    if "text" in filters:
        filters["text"] = " ".join(filters["text"])
    filters |= {name: text for name in MOMENTS if (text := asked.text(name))}
    oldest_first = asked.text("order") == "oldest" or not _can_be_newest_first(filters)
    found, refused, next_cursor = list[Task](), "", None
    try:
        page = await asked.orch.tasks.query_tasks(
            TaskFilters.of(filters),
            limit=ROWS,
            after=asked.text("after") or None,
            newest_first=not oldest_first,
        )
        found, next_cursor = list(page), page.next_cursor
    except ValidationError as error:  # the filters stay, so that they can be mended
        refused = str(error)
    return {
        "tasks": found,
        "refused": refused,
        "next_cursor": next_cursor,
        "filters": filters,
        "order": "oldest" if oldest_first else "newest",
        "statuses": list(TaskStatus),
        "priorities": list(TaskPriority),
    }


def _can_be_newest_first(filters: dict[str, Any]) -> bool:
    return not filters.keys() & {"text", "finished_after", "finished_before"}


async def task(asked: Asked) -> Seen:
    """One task: its life, what it waits for, what follows it."""
    orch = asked.orch
    found = await orch.tasks.get_task(asked.key)
    key = found.task_id
    after = await orch.insights.blast_radius(key, limit=MOST_AFTER)
    followers = after.by_depth.get(1, [])
    before = await _some(asked, found.dependencies)
    following = await _some(asked, followers)
    return {
        "task": found,
        "why": await _why(asked, found),
        "tries": await orch.tasks.get_tries(key),
        "steps": await orch.tasks.get_steps(key),
        "events": await orch.tasks.get_history(key),
        "gates": (await orch.gates.of_tasks([key])).get(key, []),
        "before": before,
        "after": following,
        "drawing": draw([*before, found, *following], ()) if before or following else None,
        "before_count": len(found.dependencies),
        "after_count": len(followers),
        "affected_count": len(after.affected),
        "are_all_counted": len(after.affected) < MOST_AFTER,
        "candidates": await _candidates(asked, found),
    }


async def _why(asked: Asked, found: Task) -> WhyBlocked[str] | None:
    if found.status is not TaskStatus.PENDING:
        return None
    return await asked.orch.insights.why_blocked(found.task_id, REASONS)


async def _some(asked: Asked, ids: Sequence[str]) -> list[Task]:
    return await asked.orch.tasks.get_tasks(list(islice(ids, NEIGHBOURS)))


async def _candidates(asked: Asked, found: Task) -> list[tuple[str, float]]:
    """The agents with its skills, best first, by the rule by which the router chooses."""
    if found.status is not TaskStatus.PENDING:
        return []
    router = asked.orch.router
    capable = await router.find_capable(found.requirements)
    return (await router.rank_candidates(capable[:1_000]))[:10]


SCREENS = (
    Screen("/", "Overview", "overview.html", overview),
    Screen("/tasks", "Tasks", "tasks.html", tasks),
    Screen("/tasks/{key:path}", "Task", "task.html", task, is_listed=False),
)
