"""Why a task waits, from what is known of it, of what it waits for, and of the agents. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from graph_orch.domain.dag import shown
from graph_orch.domain.lifecycle import HELD, TaskStatus
from graph_orch.domain.models import ConcurrencyLimit, WaitKind, WaitReason, WhyBlocked
from graph_orch.domain.models.base import moment
from graph_orch.domain.values import skill_key

MOST_NAMED = 20
"""How many agents a reason names."""
LONGEST_ERROR = 300
"""How many characters of an error it quotes."""
ROOT_ORDER = (
    TaskStatus.FAILED,
    TaskStatus.CANCELLED,
    TaskStatus.PENDING,
    TaskStatus.ASSIGNED,
    TaskStatus.RUNNING,
)
"""The first need somebody to act."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a task. `unmet`: how many dependencies it counts as not completed."""

    task_id: Any
    task_type: str | None = None
    status: TaskStatus = TaskStatus.PENDING
    assigned_to: str | None = None
    error_message: str | None = None
    requirements: Sequence[str] = ()
    available_at: datetime | None = None
    retry_count: int = 0
    concurrency_key: str | None = None
    start_by: datetime | None = None
    close_by: datetime | None = None
    unmet: int = 0

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From a task's facts as `insights/standing` gives them."""
        given: dict[str, Any] = {key: value for key, value in row.items() if value is not None}
        for name in given.keys() & {"available_at", "start_by", "close_by"}:
            given[name] = moment(given[name])
        given["status"] = TaskStatus(row["status"])
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Takers:
    """Who could take a task. None of the numbers depends on how many agents are named.

    `missing` are the keys of skills that nobody has. `free` is the first agent that could begin it
    now; `full` and `excluded` are those that have the skills and no slot, or may not; `idle` those
    that have worker processes, none of which lives and handles the task's type.
    """

    missing: Sequence[str] = ()
    free: str | None = None
    full: Sequence[str] = ()
    full_count: int = 0
    excluded: Sequence[str] = ()
    excluded_count: int = 0
    idle: Sequence[str] = ()
    idle_count: int = 0

    @classmethod
    def of(
        cls, missing: Iterable[str], free: Iterable[str], full: list[str], excluded: list[str]
    ) -> Self:
        """From the names of all of them."""
        return cls(
            missing=sorted(missing),
            free=min(free, default=None),
            full=sorted(full)[:MOST_NAMED],
            full_count=len(full),
            excluded=sorted(excluded)[:MOST_NAMED],
            excluded_count=len(excluded),
        )


@dataclass(frozen=True)
class Situation:
    """All that decides why a task waits.

    `roots` are the unmet dependencies that wait for no other, those to be told of; `root_count` is
    how many there are. `takers` and `limits` are by task id; who is not there is not known.
    """

    task: Standing
    roots: Sequence[Standing]
    root_count: int
    now: datetime
    takers: Mapping[Hashable, Takers]
    limits: Mapping[Hashable, ConcurrencyLimit]
    cycle: Sequence[Any] = ()


def explain(it: Situation) -> WhyBlocked:
    """Why the task is not being worked on."""
    reasons = list(_reasons(it))
    idle = {WaitKind.NOT_PENDING, WaitKind.READY}
    return WhyBlocked(
        task_id=it.task.task_id,
        status=it.task.status,
        is_waiting=not idle.intersection(reason.kind for reason in reasons[:1]),
        reasons=reasons,
        root_count=it.root_count,
    )


def _reasons(it: Situation) -> Iterator[WaitReason]:
    task = it.task
    if task.status is not TaskStatus.PENDING:
        yield _not_pending(task)
        return
    if not it.root_count and not it.cycle and not task.unmet:
        yield from list(_own(task, it)) or [_ready(task, it)]
        return
    if it.cycle:
        yield _reason(
            WaitKind.CYCLE,
            task,
            f"it waits for itself: {shown(it.cycle)}; one of these dependencies must go",
            cycle=list(it.cycle),
        )
    elif not it.root_count:
        yield _miscounted(task)
    for root in it.roots:
        yield from _of_root(root, it)
    yield from _lasting(task, it)


def _of_root(root: Standing, it: Situation) -> Iterator[WaitReason]:
    own = list(_own(root, it)) if root.status is TaskStatus.PENDING else []
    yield _dependency(root, it, bool(own))
    yield from own


def _own(task: Standing, it: Situation) -> Iterator[WaitReason]:
    """What keeps a pending task that waits for no other from being taken."""
    yield from _lasting(task, it)
    takers = it.takers.get(task.task_id)
    if takers is not None and takers.free is None and takers.full_count:
        yield _full(task, takers)
    if takers is not None and takers.free is None and takers.idle_count:
        yield _no_worker(task, takers)
    limit = it.limits.get(task.task_id)
    if limit is not None and limit.active >= limit.max:
        yield _at_limit(task, limit)
    yield from _unknown(task, takers is None, limit is None)


def _lasting(task: Standing, it: Situation) -> Iterator[WaitReason]:
    """What would keep a task back even if it waited for no other."""
    takers = it.takers.get(task.task_id)
    if takers is not None and takers.free is None:
        yield from _nobody(task, takers)
    yield from _times(task, it.now)


def _nobody(task: Standing, takers: Takers) -> Iterator[WaitReason]:
    if takers.missing:
        names = _names(task, takers.missing)
        what = f"no registered agent has {_list(names)}, which it requires"
        yield _reason(WaitKind.MISSING_SKILL, task, what, skills=names)
    elif not takers.full_count and not takers.excluded_count and not takers.idle_count:
        yield _none_has_all(task)
    if takers.excluded_count:
        yield _excluded(task, takers)


def _excluded(task: Standing, takers: Takers) -> WaitReason:
    what = f"{_agents(takers.excluded, takers.excluded_count)} may not try it again"
    if takers.full_count or takers.idle_count:
        what = f"{what}, though able to do it"
    else:
        # It is pending, so it cannot be retried as it stands: whoever wants that cancels it first.
        what = (
            f"{what}, and no other has its skills: register or teach another, or cancel it and "
            "then retry it, which lets all try it again"
        )
    return _reason(
        WaitKind.AGENTS_EXCLUDED,
        task,
        what,
        agents=list(takers.excluded),
        agent_count=takers.excluded_count,
    )


def _no_worker(task: Standing, takers: Takers) -> WaitReason:
    return _reason(
        WaitKind.NO_WORKER,
        task,
        f"no live worker of a capable agent handles the task type {task.task_type!r}: "
        f"{_agents(takers.idle, takers.idle_count)} could do it; start a worker that has a handler",
        agents=list(takers.idle),
        agent_count=takers.idle_count,
    )


def _none_has_all(task: Standing) -> WaitReason:
    names = sorted(task.requirements, key=skill_key)
    what = (
        f"every skill that it requires is held, but no agent has all of {_list(names)}"
        if names
        else "no agent is registered"
    )
    return _reason(WaitKind.NO_CAPABLE_AGENT, task, what, skills=names)


def _full(task: Standing, takers: Takers) -> WaitReason:
    return _reason(
        WaitKind.AGENTS_FULL,
        task,
        f"{_agents(takers.full, takers.full_count)} could do it, and has no free slot",
        agents=list(takers.full),
        agent_count=takers.full_count,
    )


def _at_limit(task: Standing, limit: ConcurrencyLimit) -> WaitReason:
    return _reason(
        WaitKind.CONCURRENCY_LIMIT,
        task,
        f"its concurrency key {limit.key!r} is at its limit: {limit.active} of at most {limit.max} "
        "are held",
    )


def _times(task: Standing, now: datetime) -> Iterator[WaitReason]:
    if task.available_at is not None and task.available_at > now:
        tried = task.retry_count > 0
        kind = WaitKind.RETRY_DELAY if tried else WaitKind.NOT_DUE
        what = f"it failed {task.retry_count} times and is tried again" if tried else "it is due"
        yield _reason(kind, task, f"{what} at {task.available_at}", until=task.available_at)
    passed = [at for at in (task.start_by, task.close_by) if at is not None and at <= now]
    if passed:
        what = f"its deadline passed at {min(passed)}: it fails when the queue is next looked at"
        yield _reason(WaitKind.DEADLINE_PASSED, task, what, until=min(passed))


def _unknown(task: Standing, no_agents: bool, no_limit: bool) -> Iterator[WaitReason]:
    if no_agents:
        what = (
            "whether an agent could take it is not known: this graph holds no agents; take "
            'snapshot(orch, "all"), or ask the orchestrator'
        )
        yield _reason(WaitKind.UNKNOWN, task, what)
    if task.concurrency_key is not None and no_limit:
        what = (
            f"how many with its concurrency key {task.concurrency_key!r} may be held is not known; "
            "give limits=, or ask the orchestrator"
        )
        yield _reason(WaitKind.UNKNOWN, task, what)


def _not_pending(task: Standing) -> WaitReason:
    by = f", held by {task.assigned_to!r}" if task.status in HELD and task.assigned_to else ""
    return _reason(WaitKind.NOT_PENDING, task, f"it is {task.status}{by}: it waits for nothing")


def _ready(task: Standing, it: Situation) -> WaitReason:
    free = it.takers[task.task_id].free
    what = f"it is ready, and {free!r} has its skills and a free slot"
    return _reason(WaitKind.READY, task, what, agents=[free] if free else [], agent_count=1)


def _miscounted(task: Standing) -> WaitReason:
    what = (
        f"it counts {task.unmet} unmet dependencies, and none is to be seen: the graph asked "
        "leaves tasks out, or the counter is wrong (`graph-orch doctor --repair`)"
    )
    return _reason(WaitKind.MISCOUNTED, task, what)


def _dependency(root: Standing, it: Situation, is_held_back: bool) -> WaitReason:
    holder = root.assigned_to if root.status in HELD else None
    return _reason(
        WaitKind.DEPENDENCY,
        root,
        f"{it.task.task_id} waits for {root.task_id}, which {_state(root, holder, is_held_back)}",
        status=root.status,
        agents=[holder] if holder else [],
        agent_count=1 if holder else 0,
    )


def _state(root: Standing, holder: str | None, is_held_back: bool) -> str:
    if root.status is TaskStatus.PENDING:
        return "is pending, see below" if is_held_back else "is ready, and nobody has taken it yet"
    if root.status in HELD:
        return f"is {root.status}" + (f", held by {holder!r}" if holder else "")
    error = f" ({root.error_message[:LONGEST_ERROR]})" if root.error_message else ""
    again = "was cancelled" if root.status is TaskStatus.CANCELLED else "failed"
    return f"{again}{error}: retry it, or cancel what waits for it"


def _reason(kind: WaitKind, task: Standing, sentence: str, **parts: Any) -> WaitReason:
    subject = "" if kind is WaitKind.DEPENDENCY else f"{task.task_id}: "
    return WaitReason(kind=kind, task_id=task.task_id, sentence=f"{subject}{sentence}.", **parts)


def _names(task: Standing, keys: Sequence[str]) -> list[str]:
    by_key = {skill_key(name): name for name in task.requirements}
    return [by_key.get(key, key) for key in keys]


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _agents(names: Sequence[str], count: int) -> str:
    if count == 1:
        return f"agent {names[0]!r}"
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"each of {count} agents ({_list(names)}{more})"
