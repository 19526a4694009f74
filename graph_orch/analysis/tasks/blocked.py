"""Why a task waits, from a snapshot or from the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from graph_orch.analysis.tasks.agents import AgentSlots, agents_of, keys_of
from graph_orch.analysis.tasks.attributes import (
    LIMITS,
    excluded_from,
    moment,
    names,
    shown,
    span,
    text,
    whole,
)
from graph_orch.analysis.tasks.graph import Facts, checked_graph, chosen, known
from graph_orch.analysis.tasks.live import insights_of
from graph_orch.domain.checks import LIMIT
from graph_orch.domain.cycles import cycles_of
from graph_orch.domain.explain import (
    LONGEST_ERROR,
    ROOT_ORDER,
    Situation,
    Standing,
    Takers,
    explain,
)
from graph_orch.domain.lifecycle import HELD, TaskStatus, has_status
from graph_orch.domain.models import ConcurrencyLimit, WhyBlocked
from graph_orch.errors import ValidationError


def why_blocked(
    source: object,
    task_id: Any,
    *,
    limit: int = 100,
    limits: Mapping[str, int] | None = None,
    now: datetime | None = None,
) -> WhyBlocked:
    """Why a task is not being worked on: what it waits for at the root, and why that waits.

    A dependency that is completed blocks nobody, and one that waits for others is no root: those
    are. Of a snapshot of kind "tasks" it is not known which agents could take a task, and the
    reasons say so. A deadline is told from a snapshot only where the task was never retried by
    hand, which starts it again.

    Args:
        source: A graph (edges go from a task to what it depends on), or an orchestrator.
        limit: Of how many roots at most it tells; those that need somebody to act come first.
        limits: How many tasks with each concurrency key may be held (for a graph): a key that is
            not there, 1. None: the graph's own attribute `limits`, if it has one.
        now: For a graph: when, with a time zone. None: when the snapshot was taken.

    Raises:
        TaskNotFoundError: the task is not there.
        ValidationError: the graph cannot hold tasks, a status is none of ours, or another
            attribute is not what it must be; limits or now are not as above.
    """
    insights = insights_of(source)
    if insights is not None:
        return insights.why_blocked(task_id, limit)
    graph = checked_graph(source)
    facts, dependencies = chosen(graph)
    key, limit = known(facts, task_id), LIMIT.of("limit", limit)
    unmet = _Unmet(facts, dependencies)
    roots, blocked = unmet.climb(key)
    told = [key, *roots[:limit]]
    at = moment("now", now) or moment("the graph's taken_at", graph.graph.get("taken_at"))
    return explain(
        Situation(
            task=_standing(key, facts[key]),
            roots=[_standing(root, facts[root]) for root in roots[:limit]],
            root_count=len(roots),
            now=at or datetime.now(UTC),
            takers=_takers(agents_of(graph), facts, told),
            limits=_limits(facts, told, graph.graph.get("limits") if limits is None else limits),
            cycle=_cycle(blocked, dependencies) if blocked and not roots else (),
        )
    )


class _Unmet:
    """The dependencies that are not completed."""

    def __init__(self, facts: Facts, dependencies: Mapping[Any, list[Any]]) -> None:
        self._facts = facts
        self._dependencies = dependencies

    def climb(self, key: Any) -> tuple[list[Any], list[Any]]:
        """The roots, in the order in which they are told; and the blocked, `key` among them."""
        roots: list[Any] = []
        blocked: list[Any] = []
        seen, queue = {key}, [key]
        for at in queue:  # it grows as it is read
            unmet = self._of(at)
            if unmet:
                blocked.append(at)
            elif at != key:
                roots.append(at)
            fresh = [other for other in unmet if other not in seen]
            seen.update(fresh)
            queue += fresh
        place = {status: at for at, status in enumerate(ROOT_ORDER)}
        return sorted(roots, key=lambda at: (place[self._status(at)], str(at))), blocked

    def _of(self, key: Any) -> list[Any]:
        if self._status(key) is not TaskStatus.PENDING:
            return []
        done = TaskStatus.COMPLETED
        return [other for other in self._dependencies[key] if self._status(other) is not done]

    def _status(self, key: Any) -> TaskStatus:
        return status_of(key, self._facts[key])


def status_of(key: object, one: Mapping[str, Any]) -> TaskStatus:
    """The status of a task: pending where it tells none.

    Raises:
        ValidationError: what it tells is no status.
    """
    try:
        return TaskStatus(one.get("status", TaskStatus.PENDING))
    except (ValueError, TypeError):
        known_ones = ", ".join(TaskStatus)
        raise ValidationError(
            f"task {shown(key)} has the status {shown(one['status'])}; known are {known_ones}"
        ) from None


def _standing(key: Any, one: Mapping[str, Any]) -> Standing:
    def of(name: str) -> str:
        return f"the {name} of task {shown(key)}"

    error = text(of("error_message"), one.get("error_message"))
    return Standing(
        task_id=key,
        status=status_of(key, one),
        assigned_to=text(of("assigned_to"), one.get("assigned_to")),
        error_message=error[:LONGEST_ERROR] if error else None,
        requirements=names(of("requirements"), one.get("requirements")),
        available_at=moment(of("available_at"), one.get("available_at")),
        retry_count=whole(of("retry_count"), one.get("retry_count", 0)),
        concurrency_key=text(of("concurrency_key"), one.get("concurrency_key")),
        close_by=_close_by(key, one),
        unmet=whole(of("unmet"), one.get("unmet", 0)),
    )


def _close_by(key: object, one: Mapping[str, Any]) -> datetime | None:
    """When it must be finished; not known once a person retried it, or somebody gave it back."""
    task = f"of task {shown(key)}"
    created = moment(f"the created_at {task}", one.get("created_at"))
    wait = one.get("schedule_to_close_seconds")
    attempt = whole(f"the attempt {task}", one.get("attempt", 0))
    if created is None or wait is None or attempt != one.get("retry_count", 0):
        return None
    seconds = span(f"the schedule_to_close_seconds {task}", wait)
    try:
        return created + timedelta(seconds=seconds)
    except OverflowError:
        return None  # after the last day there is


def _takers(
    agents: list[AgentSlots] | None, facts: Facts, keys: Iterable[Any]
) -> dict[Any, Takers]:
    if agents is None:
        return {}
    held = frozenset(key for agent in agents for key in agent.skills)
    found: dict[Any, Takers] = {}
    shared: dict[tuple[frozenset[str], frozenset[str]], Takers] = {}
    for key in keys:
        one = facts[key]
        group = (
            keys_of(one.get("requirements"), f"task {shown(key)}"),
            excluded_from(key, one),
        )
        if group not in shared:
            shared[group] = _group(agents, held, *group)
        found[key] = shared[group]
    return found


def _group(
    agents: Iterable[AgentSlots],
    held: frozenset[str],
    needed: frozenset[str],
    excluded: frozenset[str],
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
    facts: Facts, keys: Iterable[Any], limits: Mapping[str, int] | None
) -> dict[Any, ConcurrencyLimit]:
    wanted = {key: facts[key].get("concurrency_key") for key in keys}
    if limits is None or not any(wanted.values()):
        return {}
    checked = LIMITS.of("limits", limits)
    active: dict[str, int] = {}
    for one in facts.values():
        if has_status(one, HELD) and isinstance(key := one.get("concurrency_key"), str):
            active[key] = active.get(key, 0) + 1
    return {
        task: ConcurrencyLimit(key=key, max=checked.get(key, 1), active=active.get(key, 0))
        for task, key in wanted.items()
        if key is not None
    }


def _cycle(blocked: Sequence[Any], dependencies: Mapping[Any, list[Any]]) -> Sequence[Any]:
    among = set(blocked)
    inner = {
        key: [other for other in dependencies[key] if other in among]
        for key in sorted(blocked, key=str)
    }
    return cycles_of(inner)[0]
