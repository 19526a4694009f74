"""Why a task waits, from the facts about it, its dependencies and the agents. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from graph_orch.domain.dag import shown
from graph_orch.domain.forms import skill_key
from graph_orch.domain.lanes import told_of
from graph_orch.domain.lifecycle import HELD, TaskStatus
from graph_orch.domain.models import ConcurrencyLimit, Pause, WaitKind, WaitReason, WhyBlocked
from graph_orch.domain.models.base import moment
from graph_orch.domain.models.gates import Gate, GateStatus

MOST_NAMED = 20
"""Agents that a reason names."""
LONGEST_ERROR = 300
"""Characters of an error message that a reason quotes."""
ROOT_ORDER = (
    TaskStatus.FAILED,
    TaskStatus.CANCELLED,
    TaskStatus.PENDING,
    TaskStatus.ASSIGNED,
    TaskStatus.RUNNING,
)
"""The order of reported dependencies: those that need somebody to act come first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The facts about a task. `unmet` is its counter of dependencies that are not completed."""

    task_id: Any
    name: str | None = None
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
    independent_of: Sequence[str] = ()
    workflow_id: str | None = None
    fallback_requirements: Sequence[str] = ()
    team_id: str | None = None
    for_leader: bool = False
    fallback_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From a task's facts as `insights/standing` gives them."""
        given: dict[str, Any] = {key: value for key, value in row.items() if value is not None}
        for name in given.keys() & {"available_at", "start_by", "close_by", "fallback_at"}:
            given[name] = moment(given[name])
        given["status"] = TaskStatus(row["status"])
        return cls(**given)

    @property
    def called(self) -> str:
        """What a sentence calls it: its name, with the id, where it has one."""
        return f"{self.name} ({self.task_id})" if self.name else str(self.task_id)


@dataclass(frozen=True, slots=True)
class Takers:
    """Which agents could take a task. The counts include agents that are not named.

    `needs` are the keys of the skills that an agent needs, and the terms of team and labels (see
    `lanes`); `missing` are those that no agent has. `free` is the first agent that could begin
    the task now. The others have its skills: `paused` agents; `full` ones, without a free slot;
    `excluded` ones, which may not try it again; and `idle` ones, who have worker processes of which
    no live one handles the task's type, where `handled` are some of the types that the live ones
    handle. `short` are the owners of budgets, those of agents that could begin it else or of their
    teams, that have not enough left for it.
    """

    needs: Sequence[str] = ()
    missing: Sequence[str] = ()
    free: str | None = None
    full: Sequence[str] = ()
    full_count: int = 0
    excluded: Sequence[str] = ()
    excluded_count: int = 0
    idle: Sequence[str] = ()
    idle_count: int = 0
    handled: Sequence[str] = ()
    short: Sequence[str] = ()
    paused: Sequence[str] = ()
    paused_count: int = 0

    @classmethod
    def of(
        cls, missing: Iterable[str], free: Iterable[str], full: list[str], excluded: list[str]
    ) -> Self:
        """From the complete lists of agents."""
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
    """Everything that decides why a task waits.

    `roots` are unmet dependencies that wait for no other task, as many as are to be reported, and
    `root_count` is the number of all. `takers` and `limits` are by task id; a task that is missing
    there is one about which they are not known.
    """

    task: Standing
    roots: Sequence[Standing]
    root_count: int
    now: datetime
    takers: Mapping[Hashable, Takers]
    limits: Mapping[Hashable, ConcurrencyLimit]
    cycle: Sequence[Any] = ()
    gates: Sequence[Gate] = ()
    """The gates at which the task waits, or a task that it waits for."""
    names: Mapping[Hashable, str | None] = field(default_factory=dict[Hashable, str | None])
    """By task id, the names of the tasks that wait at them."""
    budgets: Mapping[Hashable, str] = field(default_factory=dict[Hashable, str])
    """By task id, the owner of a budget that has not enough left for it."""
    pauses: Sequence[Pause] = ()
    """All that is paused, but for agents."""


def explain(situation: Situation) -> WhyBlocked[Any]:
    """Why nobody works on the task."""
    reasons = list(_reasons(situation.task, situation))
    not_waiting = {WaitKind.NOT_PENDING, WaitKind.READY}
    return WhyBlocked(
        task_id=situation.task.task_id,
        status=situation.task.status,
        is_waiting=not not_waiting.intersection(reason.kind for reason in reasons[:1]),
        reasons=reasons,
        root_count=situation.root_count,
    )


def _reasons(task: Standing, situation: Situation) -> Iterator[WaitReason[Any]]:
    if task.status is not TaskStatus.PENDING:
        held = f", held by {task.assigned_to!r}" if task.status in HELD and task.assigned_to else ""
        what = f"it is {task.status}{held}: it waits for nothing"
        yield _reason(WaitKind.NOT_PENDING, task, what)
        return
    if not situation.root_count and not situation.cycle and not task.unmet:
        reasons = list(_own(task, situation))
        if not reasons:
            free = situation.takers[task.task_id].free
            what = f"it is ready, and {free!r} has its skills and a free slot"
            reasons = [_reason(WaitKind.READY, task, what, [free] if free else [], 1)]
        yield from reasons
        return
    if situation.cycle:
        what = f"it waits for itself: {shown(situation.cycle)}; remove one of these dependencies"
        yield _reason(WaitKind.CYCLE, task, what, cycle=list(situation.cycle))
    elif not situation.root_count and not situation.gates:
        what = (
            f"it counts {task.unmet} unmet dependencies, and none was found: the graph asked "
            "leaves tasks out, or the counter is wrong (`graph-orch doctor --repair`)"
        )
        yield _reason(WaitKind.MISCOUNTED, task, what)
    for gate in situation.gates:
        yield _gate(gate, situation)
    for root in situation.roots:
        own = list(_own(root, situation)) if root.status is TaskStatus.PENDING else []
        yield _dependency(task, root, is_held_back=bool(own))
        yield from own
    yield from _lasting(task, situation)


def _gate(gate: Gate, situation: Situation) -> WaitReason[Any]:
    task_id = gate.task_ids[0]
    what = f"it waits at gate {gate.gate_id} ({gate.question[:LONGEST_ERROR]!r})"
    if gate.status is GateStatus.OPEN:
        who = " or ".join(map(repr, gate.approvers[:MOST_NAMED])) or "anybody"
        until = f" until {gate.expires_at}" if gate.expires_at is not None else ""
        what = f"{what}, which {who} may decide{until}"
    else:
        by = f" by {gate.decided_by!r}" if gate.decided_by else ""
        what = f"{what}, which is {gate.status}{by}: cancel the task, or create it anew"
    waits = Standing(task_id, situation.names.get(task_id))
    return _reason(WaitKind.GATE, waits, what, until=gate.expires_at)


def _dependency(task: Standing, root: Standing, *, is_held_back: bool) -> WaitReason[Any]:
    holder = root.assigned_to if root.status in HELD else None
    if root.status is TaskStatus.PENDING:
        state = "is pending, see below" if is_held_back else "is ready, and nobody has taken it yet"
    elif root.status in HELD:
        state = f"is {root.status}" + (f", held by {holder!r}" if holder else "")
    else:
        ended = "was cancelled" if root.status is TaskStatus.CANCELLED else "failed"
        error = f" ({root.error_message[:LONGEST_ERROR]})" if root.error_message else ""
        state = f"{ended}{error}: retry it, or cancel the tasks that wait for it"
    what = f"{task.called} waits for {root.called}, which {state}"
    holders = [holder] if holder else []
    return _reason(WaitKind.DEPENDENCY, root, what, holders, len(holders), status=root.status)


def _own(task: Standing, situation: Situation) -> Iterator[WaitReason[Any]]:
    """What keeps agents from taking a pending task that waits for no other task."""
    yield from _lasting(task, situation)
    takers, limit = situation.takers.get(task.task_id), situation.limits.get(task.task_id)
    if takers is not None and takers.free is None:
        if takers.paused_count:
            agents = _agents(takers.paused, takers.paused_count)
            what = (
                f"{agents} could do it, and is paused; `graph-orch paused` says why, and "
                "`graph-orch resume` or pauses.remove lets it go on"
            )
            yield _reason(WaitKind.AGENTS_PAUSED, task, what, takers.paused, takers.paused_count)
        if takers.full_count:
            agents = _agents(takers.full, takers.full_count)
            what = f"{agents} could do it, and has no free slot"
            yield _reason(WaitKind.AGENTS_FULL, task, what, takers.full, takers.full_count)
        if takers.idle_count:
            what = _unstaffed(task, takers)
            yield _reason(WaitKind.NO_WORKER, task, what, takers.idle, takers.idle_count)
    owners = [owner] if (owner := situation.budgets.get(task.task_id)) is not None else []
    if takers is not None and takers.free is None:
        owners += takers.short
    for owner in owners:
        what = (
            f"the budget of {owner} has not enough left for it, or for one of about its size that "
            "comes first: raise it with budgets.set or `graph-orch budget set`, or wait until "
            "running tasks end"
        )
        yield _reason(WaitKind.BUDGET, task, what)
    if limit is not None:
        yield from _limited(task, limit, situation.now)
    if takers is None:
        what = (
            "whether an agent could take it is not known: this graph holds no agents; take "
            'snapshot(orch, "all"), or ask the orchestrator'
        )
        yield _reason(WaitKind.UNKNOWN, task, what)
    if task.concurrency_key is not None and limit is None:
        what = (
            f"how many tasks with its concurrency key {task.concurrency_key!r} may be held is not "
            "known; give limits=, or ask the orchestrator"
        )
        yield _reason(WaitKind.UNKNOWN, task, what)


def _limited(task: Standing, limit: ConcurrencyLimit, now: datetime) -> Iterator[WaitReason[Any]]:
    """That the limit of its concurrency key lets no more tasks go."""
    if limit.next_at is not None and limit.next_at > now:
        what = (
            f"its concurrency key {limit.key!r} is at its rate, one in "
            f"{limit.interval_seconds:g} s: the next may begin at {limit.next_at}"
        )
        yield _reason(WaitKind.RATE_LIMIT, task, what, until=limit.next_at)
    if limit.max is not None and limit.active >= limit.max:
        what = (
            f"its concurrency key {limit.key!r} is at its limit: {limit.active} of at most "
            f"{limit.max} tasks are held"
        )
        yield _reason(WaitKind.CONCURRENCY_LIMIT, task, what)


def _unstaffed(task: Standing, takers: Takers) -> str:
    """That no worker handles the type of a task, and what is handled instead."""
    who, kind = _agents(takers.idle, takers.idle_count), f"{task.task_type!r}"
    if not takers.handled:
        return f"{who} could do it, and has no live worker; start one that handles {kind}"
    more = ", …" if len(takers.handled) > MOST_NAMED else ""
    return (
        f"the live workers of its agents handle {_list(takers.handled[:MOST_NAMED])}{more}, not "
        f"{kind}: {who} could do it; start a worker that has a handler of {kind}"
    )


def _lasting(task: Standing, situation: Situation) -> Iterator[WaitReason[Any]]:
    """What would keep a task back even if it waited for no other task."""
    takers, now = situation.takers.get(task.task_id), situation.now
    held_by = {"queue", f"task_type:{task.task_type}", f"workflow:{task.workflow_id}"}
    for pause in situation.pauses:
        if pause.what in held_by:
            yield _reason(WaitKind.PAUSED, task, pause.sentence, until=pause.until)
    if takers is not None and takers.free is None:
        yield from _lacking(task, takers)
    if task.fallback_at is not None and (takers is None or takers.free is None):
        skills = list(task.fallback_requirements)
        what = f"it waits for who has its skills until {task.fallback_at}; then {_list(skills)} do"
        if task.team_id is not None:
            who, then = f"the team {task.team_id!r}", "others"
            if task.for_leader:
                who, then = f"the leader of {who}", "its members"
            more = f", and {_list(skills)} do" if skills else ""
            what = f"it waits for {who} until {task.fallback_at}; then {then} may take it{more}"
        yield _reason(WaitKind.FALLBACK, task, what, skills=skills, until=task.fallback_at)
    if task.available_at is not None and task.available_at > now:
        tried = task.retry_count > 0
        kind = WaitKind.RETRY_DELAY if tried else WaitKind.NOT_DUE
        what = f"it failed {task.retry_count} times and is tried again" if tried else "it is due"
        yield _reason(kind, task, f"{what} at {task.available_at}", until=task.available_at)
    passed = [at for at in (task.start_by, task.close_by) if at is not None and at <= now]
    if passed:
        what = f"its deadline passed at {min(passed)}: it fails when the queue is next looked at"
        yield _reason(WaitKind.DEADLINE_PASSED, task, what, until=min(passed))


def _lacking(task: Standing, takers: Takers) -> Iterator[WaitReason[Any]]:
    """Skills that no agent has, or agents that have them and may not try the task again."""
    others = takers.full_count or takers.idle_count or takers.paused_count or len(takers.short)
    if takers.missing:
        written = {skill_key(name): name for name in task.requirements}
        names = [written.get(key, told_of(key)) for key in takers.missing]
        what = f"no registered agent has {_list(names)}, which it requires"
        if len(names) > len(written.keys() & takers.missing):
            what += "; teams.put says who is in a team and leads it, register_agent who has a label"
        yield _reason(WaitKind.MISSING_SKILL, task, what, skills=names)
    elif not others and not takers.excluded_count:
        terms = [told_of(key) for key in takers.needs if told_of(key) != key]
        names = [*sorted(task.requirements, key=skill_key), *terms]
        what = (
            f"all that it requires is held, but no agent has all of {_list(names)}"
            if names
            else "no agent is registered"
        )
        yield _reason(WaitKind.NO_CAPABLE_AGENT, task, what, skills=names)
    if takers.excluded_count:
        what = "may not try it again"
        # A pending task cannot be retried, so whoever wants that cancels it first.
        rest = (
            "register or teach another, or cancel it and then retry it, which lets all try it again"
        )
        if task.independent_of:
            what = "tried it, or worked on what it is to be independent of"
            rest = "nobody independent is left: register or teach another"
        rest = ", though able to do it" if others else f", and no other has its skills: {rest}"
        what = f"{_agents(takers.excluded, takers.excluded_count)} {what}{rest}"
        yield _reason(WaitKind.AGENTS_EXCLUDED, task, what, takers.excluded, takers.excluded_count)


def _reason(
    kind: WaitKind,
    task: Standing,
    what: str,
    agents: Sequence[str] = (),
    agent_count: int = 0,
    **parts: Any,
) -> WaitReason[Any]:
    subject = "" if kind is WaitKind.DEPENDENCY else f"{task.called}: "
    return WaitReason(
        kind=kind,
        task_id=task.task_id,
        sentence=f"{subject}{what}.",
        agents=list(agents),
        agent_count=agent_count,
        **parts,
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _agents(names: Sequence[str], count: int) -> str:
    if count == 1:
        return f"agent {names[0]!r}"
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"each of {count} agents ({_list(names)}{more})"
