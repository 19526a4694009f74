"""Why a task waits, from a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from graph_orch.analysis.checks import moment
from graph_orch.analysis.model import LIMITS, Given, TaskGraph
from graph_orch.analysis.nodes import TaskNode, reading
from graph_orch.domain.dag import cycles_of
from graph_orch.domain.explain import (
    LONGEST_ERROR,
    ROOT_ORDER,
    Situation,
    Standing,
    Takers,
    explain,
)
from graph_orch.domain.fields import LIMIT
from graph_orch.domain.lifecycle import HELD, TaskStatus
from graph_orch.domain.models import ConcurrencyLimit, WhyBlocked
from graph_orch.domain.models.gates import Gate
from graph_orch.domain.scheduling import AgentSlots


def why_blocked(
    graph: Given,
    task_id: Any,
    *,
    limit: int = 100,
    limits: Mapping[str, int] | None = None,
    now: datetime | None = None,
) -> WhyBlocked[Any]:
    """Why a task is not being worked on: what it waits for at the root, and why that waits.

    A dependency that is completed blocks nobody, and one that waits for others is no root: those
    are. Of a snapshot of kind "tasks" it is not known which agents could take a task, and the
    reasons say so. A deadline is told only where the task was never retried by hand, which starts
    it again. The store itself is asked by `orch.insights.why_blocked`.

    Args:
        graph: Edges go from a task to what it depends on.
        limit: Of how many roots at most it tells; those that need somebody to act come first.
        limits: How many tasks with each concurrency key may be held: a key that is not there, 1.
            None: the graph's own attribute `limits`, if it has one.
        now: When, with a time zone. None: when the snapshot was taken.

    Raises:
        TaskNotFoundError: the task is not there.
        ValidationError: limits or now are not as above; or see `TaskGraph`.
    """
    found = TaskGraph.of(graph)
    key, limit = found.task(task_id), LIMIT.of("limit", limit)
    at = found.taken_at if now is None else moment("now", now)
    most = found.limits if limits is None else LIMITS.of("limits", limits)
    roots, blocked = _unmet(found, key)
    told = [key, *roots[:limit]]
    cycle: list[Any] = []
    if blocked and not roots:
        among = set(blocked)
        inner = {
            one: [other for other in found.dependencies[one] if other in among]
            for one in sorted(blocked, key=str)
        }
        cycle = cycles_of(inner)[0]
    return explain(
        Situation(
            task=_standing(found.tasks[key]),
            roots=[_standing(found.tasks[root]) for root in roots[:limit]],
            root_count=len(roots),
            now=at or datetime.now(UTC),
            takers=_takers(found, told),
            limits=_limits(found, told, most),
            cycle=cycle,
            gates=_gates(found, key),
            names={str(key): found.tasks[key].name},
            budgets={
                one: owner for one in told if (owner := found.tasks[one].closed_budget) is not None
            },
        )
    )


def _gates(graph: TaskGraph, key: Any) -> list[Gate]:
    """The gates that hold a task back, as the snapshot has them."""
    found: list[Gate] = []
    for node in sorted(graph.tasks[key].closed_gates, key=str):
        told = graph.graph.nodes[node]
        with reading(node):
            fields = {name: told[name] for name in Gate.model_fields if name in told}
            found.append(Gate.model_validate({**fields, "task_ids": [str(key)]}))
    return found


def _status(task: TaskNode) -> TaskStatus:
    return task.status or TaskStatus.PENDING


def _unmet(graph: TaskGraph, key: Any) -> tuple[list[Any], list[Any]]:
    """What a task waits for: the roots, in the order in which they are told; and the blocked tasks
    between, itself among them."""
    roots: list[Any] = []
    blocked: list[Any] = []
    seen, queue = {key}, [key]
    for at in queue:  # it grows as it is read
        unmet: list[Any] = []
        if _status(graph.tasks[at]) is TaskStatus.PENDING:
            unmet = [
                other
                for other in graph.dependencies[at]
                if graph.tasks[other].status is not TaskStatus.COMPLETED
            ]
        if unmet:
            blocked.append(at)
        elif at != key:
            roots.append(at)
        fresh = [other for other in unmet if other not in seen]
        seen.update(fresh)
        queue += fresh
    place = {status: at for at, status in enumerate(ROOT_ORDER)}
    return sorted(roots, key=lambda at: (place[_status(graph.tasks[at])], str(at))), blocked


def _standing(task: TaskNode) -> Standing:
    return Standing(
        task_id=task.task_id,
        name=task.name,
        status=_status(task),
        assigned_to=None if task.assigned_to is None else str(task.assigned_to),
        error_message=task.error_message[:LONGEST_ERROR] if task.error_message else None,
        requirements=task.requirements,
        available_at=task.available_at,
        retry_count=task.retry_count,
        concurrency_key=task.concurrency_key,
        close_by=_close_by(task),
        unmet=task.unmet,
        independent_of=tuple(map(str, task.independent_of)),
    )


def _close_by(task: TaskNode) -> datetime | None:
    """When it must be finished; not known once a person retried it, or somebody gave it back."""
    created, wait = task.created_at, task.schedule_to_close_seconds
    if created is None or wait is None or task.attempt != task.retry_count:
        return None
    try:
        return created + timedelta(seconds=wait)
    except OverflowError:
        return None  # after the last day there is


def _takers(graph: TaskGraph, keys: Iterable[Any]) -> dict[Any, Takers]:
    """Who could take each task, worked out once for those that ask for the same agents."""
    if graph.agents is None:
        return {}
    held = frozenset(key for agent in graph.agents for key in agent.skills)
    found: dict[Any, Takers] = {}
    shared: dict[tuple[frozenset[str], frozenset[Any]], Takers] = {}
    for key in keys:
        group = graph.tasks[key].skills, graph.tasks[key].excluded_agents
        if group not in shared:
            shared[group] = _group(graph.agents, held, *group)
        found[key] = shared[group]
    return found


def _group(
    agents: Iterable[AgentSlots],
    held: frozenset[str],
    needed: frozenset[str],
    excluded: frozenset[Any],
) -> Takers:
    capable = [it for it in agents if needed <= it.skills]
    may = [it for it in capable if it.agent_id not in excluded]
    return Takers.of(
        missing=needed - held,
        free=[it.agent_id for it in may if it.active < it.slots],
        full=[it.agent_id for it in may if it.active >= it.slots],
        excluded=[it.agent_id for it in capable if it.agent_id in excluded],
    )


def _limits(
    graph: TaskGraph, keys: Iterable[Any], limits: Mapping[str, int] | None
) -> dict[Any, ConcurrencyLimit]:
    wanted = {key: graph.tasks[key].concurrency_key for key in keys}
    if limits is None or not any(wanted.values()):
        return {}
    active: dict[str, int] = {}
    for one in graph.tasks.values():
        if one.concurrency_key is not None and one.status in HELD:
            active[one.concurrency_key] = active.get(one.concurrency_key, 0) + 1
    return {
        task: ConcurrencyLimit(key=key, max=limits.get(key, 1), active=active.get(key, 0))
        for task, key in wanted.items()
        if key is not None
    }
