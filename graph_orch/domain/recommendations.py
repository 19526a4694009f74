"""What is wrong with a queue, judged from its numbers, and the tool call that mends it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from heapq import nsmallest
from itertools import count
from math import ceil
from typing import Any

from pydantic import JsonValue

from graph_orch.domain.fields import MAX_NAME
from graph_orch.domain.forms import skill_key
from graph_orch.domain.lanes import told_of
from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.domain.models import (
    Agent,
    QueueStatistics,
    Recommendation,
    RecommendationKind,
    ToolCall,
    WaitReason,
    WorkerInfo,
)
from graph_orch.domain.models.agents import DEGRADED_AFTER, DEGRADED_BELOW
from graph_orch.domain.models.base import moment
from graph_orch.domain.models.budgets import MOST_AMOUNTS, Budget
from graph_orch.domain.models.gates import GateStatus

UNSUCCESSFUL = {TaskStatus.FAILED, TaskStatus.CANCELLED}
SKEWED = 0.5
"""The difference of two agents' utilizations above which load counts as skewed."""
OFTEN_EXPIRED = 3
OFTEN_EXPIRED_SHARE = 0.1
"""An agent's leases expire often where at least this many, and this share of its tries, did."""
MOST_OF_A_KIND = 10
MOST_ADDED_SLOTS = 5
MOST_NAMES = 10
MOST_COMPARED = 50
MOST_LETTERS = 40
"""Bounds of `nearest_each`: names, known names compared with each, and letters compared. With these
it takes 0.6 s at worst."""
LONGEST_LEASE_SECONDS = 86_400
MOST_SLOTS = 10_000
MOST_TAUGHT = 100
"""What a call of a tool may ask for: a lease, slots, and skills. Making the call teaches the first
skills, and the next recommendation names the rest."""

Rows = Iterable[Mapping[str, Any]]


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The names that a caller may have meant, likeliest first; case is ignored."""
    return nearest_each([name], known)[name]


def nearest_each(names: Iterable[str], known: Iterable[str]) -> dict[str, list[str]]:
    """For each name the known names that a caller may have meant; none after the tenth name.

    difflib takes time cubic in the length for names made for that: 16 names of 195 letters took it
    20 s among a thousand. So each name is compared with few known ones, those whose first two
    letters and length are most alike, and only by its first letters.
    """
    by_key = {skill_key(name)[:MOST_LETTERS]: name for name in known}
    found: dict[str, list[str]] = {}
    for name in names:
        key = skill_key(name)[:MOST_LETTERS]

        def difference(other: str, key: str = key) -> tuple[bool, int]:
            return not other.startswith(key[:2]), abs(len(other) - len(key))

        likely = nsmallest(MOST_COMPARED, by_key, key=difference)
        close = get_close_matches(key, likely, n=3) if len(found) < MOST_NAMES else []
        found[name] = [by_key[match] for match in close]
    return found


def problems_of(
    queue: QueueStatistics, agents: int, unroutable: int, workers: Iterable[WorkerInfo]
) -> list[str]:
    """What keeps tasks from progressing, one sentence each; [] where nothing does.

    Args:
        agents: The number of registered agents.
        unroutable: The number of ready tasks that no agent can take.
    """
    dead = sum(bool(worker.task_ids) and not worker.is_live for worker in workers)
    problems = {
        f"{queue.ready_count} ready tasks, and no agent is registered": (
            queue.ready_count and not agents
        ),
        f"{unroutable} ready tasks that no agent can take": agents and unroutable,
        f"{dead} dead workers still hold tasks, until their leases run out": dead,
    }
    return [problem for problem, holds in problems.items() if holds]


def of_trigger(row: Mapping[str, Any]) -> str:
    """What a trigger could not do within a day, from a row of `monitor/triggers`."""
    return (
        f"{row['number']} firings of trigger {row['name']!r} failed, the last since: {row['error']}"
    )


def blocked_by_failed(
    blocking: Rows, causes: Mapping[str, Mapping[str, Any]]
) -> Iterator[Recommendation]:
    """Tasks that wait for a task that failed or was cancelled: retry where the failures began.

    Args:
        blocking: The failed tasks that others wait for.
        causes: By id, these and the tasks that made them fail; `cause` is the id of the task that
            made one fail.
    """
    blocked: dict[str, int] = {}
    first: dict[str, str] = {}
    for row in blocking:
        if row["task_id"] not in causes:  # deleted between the two reads
            continue
        root = row["task_id"]
        while (cause := causes[root]["cause"]) in causes:  # it ends: dependencies form no cycle
            root = cause
        blocked[root] = blocked.get(root, 0) + row["blocked"]
        first[root] = min(row["first"], first.get(root, row["first"]))
    for root in sorted(blocked, key=lambda root: (-blocked[root], root)):
        status, error = causes[root]["status"], causes[root]["error"]
        what = f"task {root} {status}, and {blocked[root]} tasks wait for it"
        why = {"root": root, "error": error, "blocked": blocked[root], "first": first[root]}
        call = _call("fail_task", task_id=root, action="retry")
        yield _recommend(RecommendationKind.BLOCKED_BY_FAILED, what, why, call)


def undecided(gates: Rows) -> Iterator[Recommendation]:
    """Gates at which tasks wait for a decision, and nothing else: ask whoever may decide.

    Args:
        gates: Rows of `monitor/gates`, of which the open ones are taken.
    """
    for row in gates:
        if row["status"] != GateStatus.OPEN:
            continue
        expires_at = moment(row["expires_at"])
        who = " or ".join(map(repr, row["approvers"][:MOST_NAMES])) or "anybody"
        more = f", and {row['tasks'] - 1} more with it" if row["tasks"] > 1 else ""
        what = (
            f"task {row['first']} has waited {row['waited_seconds']:.0f} seconds for gate "
            f"{row['gate_id']} ({row['question']!r}){more}; {who} may decide it"
            + ("" if expires_at is None else f" until {expires_at}")
        )
        why = {
            **_of_gate(row),
            "approvers": [*row["approvers"][:MOST_NAMES]],
            "expires_at": None if expires_at is None else expires_at.isoformat(),
            "waited_seconds": round(row["waited_seconds"], 3),
        }
        call = _call("decide_gate", gate_id=row["gate_id"])
        yield _recommend(RecommendationKind.WAITS_FOR_DECISION, what, why, call)


def blocked_by_gates(gates: Rows) -> Iterator[Recommendation]:
    """Tasks that wait for ever at a gate that was rejected or has expired: cancel them.

    Args:
        gates: Rows of `monitor/gates`, of which the open ones are passed over.
    """
    for row in gates:
        if row["status"] == GateStatus.OPEN:
            continue
        by = f" by {row['decided_by']!r}" if row["decided_by"] else ""
        what = f"gate {row['gate_id']} is {row['status']}{by}, and {row['tasks']} tasks wait for it"
        why = {**_of_gate(row), "status": row["status"], "decided_by": row["decided_by"]}
        call = _call("fail_task", task_id=row["first"], action="cancel")
        yield _recommend(RecommendationKind.BLOCKED_BY_FAILED, what, why, call)


def _of_gate(row: Mapping[str, Any]) -> dict[str, JsonValue]:
    return {
        "gate": row["gate_id"],
        "blocked": row["tasks"],
        "first": row["first"],
        "workflow_id": row["workflow_id"],
    }


def broken_off(workflows: Rows) -> Iterator[Recommendation]:
    """Workflows whose start was broken off: start them again, or cancel what is written of them."""
    for row in workflows:
        what = (
            f"the start of workflow {row['workflow_id']} ({row['name']!r}) was broken off "
            f"{row['ago_seconds']:.0f} seconds ago, with {row['tasks']} tasks written, and nobody "
            "is given them: start it again with the same id, or cancel it"
        )
        why = {name: row[name] for name in ("workflow_id", "name", "tasks")}
        why["ago_seconds"] = round(row["ago_seconds"], 3)
        call = _call("cancel_workflow", workflow_id=row["workflow_id"])
        yield _recommend(RecommendationKind.START_BROKEN_OFF, what, why, call)


def standing_still(
    workflow: Mapping[str, Any], reasons: Sequence[WaitReason[str]]
) -> Recommendation:
    """A workflow of which nothing is held, ready or due later: retry it where tasks of it failed.

    Args:
        workflow: A row of `monitor/still`.
        reasons: Why its task `first` waits.
    """
    workflow_id = workflow["workflow_id"]
    sentence = reasons[0].sentence if reasons else "why is not known"
    what = f"workflow {workflow_id} ({workflow['name']!r}) stands still: {sentence}"
    why = {name: workflow[name] for name in ("workflow_id", "name", "pending", "first")}
    why["waits"] = [it.sentence for it in reasons]
    ended = {it.status for it in reasons}.intersection(UNSUCCESSFUL)
    tool = "retry_workflow" if ended else "get_workflow_status"
    call = _call(tool, workflow_id=workflow_id)
    return _recommend(RecommendationKind.WORKFLOW_STANDS_STILL, what, why, call)


def missing_skills(
    lanes: Rows, agents: Sequence[Agent], guarded: Collection[str] = ()
) -> Iterator[Recommendation]:
    """Skills that ready tasks need and no agent has: teach the agent that lacks the fewest.

    Args:
        lanes: Rows of `monitor/backlog`.
        guarded: Keys of skills that only an administrator teaches.
    """
    waiting: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    for lane in lanes:
        if lane["capable"] == 0 and not lane["barred"]:
            group = _skills(lane), tuple(map(told_of, lane["terms"]))
            waiting[group] = waiting.get(group, 0) + lane["ready"]
    held = sorted({name for agent in agents for name in agent.capabilities})
    keys = {skill_key(name) for name in held}
    for (skills, terms), ready in waiting.items():
        unheld = [name for name in skills if skill_key(name) not in keys]
        what = f"no agent has {', '.join(unheld)}" if unheld else "no agent has all these skills"
        if terms and not unheld:
            what = f"no agent has {', '.join((*skills, *terms))}"
        why: dict[str, JsonValue] = {"ready": ready, "skills": [*skills], "missing": [*unheld]}
        if similar := [name for names in nearest_each(unheld, held).values() for name in names]:
            why["similar"] = [*similar]
        call = _teach(skills, agents, guarded)
        if terms:  # who joins the team or has the label is for somebody to say
            why["terms"] = [*terms]
            call = _who_has(skills)
        yield _recommend(RecommendationKind.MISSING_SKILL, what, why, call)


def agents_excluded(
    lanes: Rows, agents: Sequence[Agent], guarded: Collection[str] = ()
) -> Iterator[Recommendation]:
    """Ready tasks that no agent with their skills may try again: teach another these skills."""
    waiting: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Mapping[str, Any]]] = {}
    for lane in lanes:
        if lane["capable"] == 0 and lane["barred"]:
            group = _skills(lane), tuple(sorted(lane["barred"]))
            waiting.setdefault(group, []).append(lane)
    for (skills, barred), rows in waiting.items():
        ready = sum(row["ready"] for row in rows)
        what = (
            f"{ready} ready tasks wait, and every agent with their skills may not take them: it "
            "tried them, or worked on what they are to be independent of"
        )
        why: dict[str, JsonValue] = {
            "ready": ready,
            "skills": list(skills),
            "excluded": list(barred),
            "first": min(row["first"] for row in rows),
        }
        others = [agent for agent in agents if agent.agent_id not in barred]
        call = _teach(skills, others, guarded, taken={agent.agent_id for agent in agents})
        if any(row["terms"] for row in rows):
            call = _who_has(skills)
        yield _recommend(RecommendationKind.AGENTS_EXCLUDED, what, why, call)


def no_free_agent(lanes: Rows, agents: Sequence[Agent]) -> Iterator[Recommendation]:
    """Ready tasks whose capable agents are all full: give the best of them more slots."""
    by_id = {agent.agent_id: agent for agent in agents}
    # A lane has further rows for its tasks that exclude agents, often with the same best agent.
    waiting: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for lane in lanes:
        if lane["capable"] and not lane["free"] and lane["best"] in by_id:
            waiting.setdefault((lane["lane"], lane["best"]), []).append(lane)
    for (_, agent_id), rows in waiting.items():
        ready = sum(row["ready"] for row in rows)
        slots = min(by_id[agent_id].active_tasks + min(ready, MOST_ADDED_SLOTS), MOST_SLOTS)
        what = f"{ready} ready tasks wait, and every agent that could do them is full"
        why: dict[str, JsonValue] = {
            "ready": ready,
            "capable": max(row["capable"] for row in rows),
            "free": 0,
            "skills": list(_skills(rows[0])),
        }
        call = _register(agent_id, max_concurrent=slots)
        yield _recommend(RecommendationKind.NO_FREE_AGENT, what, why, call)


def budgets_spent(rows: Rows) -> Iterator[Recommendation]:
    """Budgets that let ready tasks not go: raise them, where more may be used.

    Args:
        rows: Rows of `monitor/budgets`.
    """
    for row in rows:
        what = (
            f"the budget of {row['owner']} has too little left for {row['ready']} ready tasks, and "
            "nothing runs that could leave more: raise it, if more may be used"
        )
        why = {name: row[name] for name in ("owner", "ready", "first")}
        raised = _raised(row)
        call = _call("set_budget", owner=row["owner"], **raised)
        if not raised:  # it cannot be raised any more
            call = _call("get_task_status", task_id=row["first"])
        yield _recommend(RecommendationKind.BUDGET_SPENT, what, why, call)


def _raised(row: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The amounts of a budget with which its tasks can go on.

    One that falls short allows as much again as at first, or what the dearest task is estimated to
    use; the others stay, since the call replaces all. Nothing where none can be raised further.
    """
    amounts: list[int] = []
    known = zip(MOST_AMOUNTS, row["most"], row["spent"], *row["estimates"], strict=True)
    for top, limit, used, *leasts in known:
        need = 2 * max(leasts) - 1  # a lane's tasks need less than twice its least: `least_of`
        is_enough = used < limit and used + need <= limit
        amounts.append(limit if is_enough else min(top, used + max(limit, need, 1)))
    if amounts == list(row["most"]):
        return {}
    found = Budget.of_amounts(amounts, row["currency"] or "USD")
    money: dict[str, JsonValue] = {}
    if found.cost is not None:
        cost = float(found.cost)
        is_exact = Decimal(repr(cost)) == found.cost
        money = {"cost": cost if is_exact else str(found.cost), "currency": found.currency}
    counted = found.model_dump(exclude={"cost", "currency"}, exclude_none=True)
    return {**counted, **money}


def webhooks_disabled(rows: Rows) -> Iterator[Recommendation]:
    """Webhooks that send nothing any more: see to the receiver, and enable them.

    Args:
        rows: Rows of `monitor/disabled`.
    """
    for row in rows:
        what = (
            f"webhook {row['name']} is disabled since {row['disabled_at']}: {row['because']}; see "
            "to its receiver, and then enable it, or remove it: until then its events wait, and "
            "prune keeps their tasks"
        )
        why = {name: row[name] for name in ("name", "disabled_at", "because", "behind")}
        call = _call("enable_webhook", name=row["name"])
        yield _recommend(RecommendationKind.WEBHOOK_DISABLED, what, why, call)


def leases_expire(rows: Rows) -> Iterator[Recommendation]:
    """Agents whose leases often expire: claim with longer leases."""
    for row in rows:
        share = row["expired"] / row["tries"]
        if row["expired"] >= OFTEN_EXPIRED and share >= OFTEN_EXPIRED_SHARE:
            agent_id = row["agent_id"]
            what = f"{row['expired']} of {row['tries']} leases of agent {agent_id} ran out"
            why = {name: row[name] for name in ("expired", "tries")} | {"share": round(share, 3)}
            wanted = max(60, 2 * row["shortest_seconds"], 3 * row["avg_completion_ms"] / 1000)
            seconds = min(ceil(wanted), LONGEST_LEASE_SECONDS)
            call = _call("poll_tasks", agent_id=agent_id, claim=True, lease_seconds=seconds)
            yield _recommend(RecommendationKind.LEASES_EXPIRE, what, why, call)


def low_success(agents: Iterable[Agent]) -> Iterator[Recommendation]:
    """Agents that fail often: halve their slots, and deregister an agent that has one slot."""
    for agent in agents:
        finished = agent.total_completed + agent.total_failed
        if finished < DEGRADED_AFTER or agent.success_rate >= DEGRADED_BELOW:
            continue
        what = f"agent {agent.agent_id} failed {agent.total_failed} of {finished} tries"
        why: dict[str, JsonValue] = {
            "success_rate": round(agent.success_rate, 3),
            "completed": agent.total_completed,
            "failed": agent.total_failed,
        }
        slots = agent.max_concurrent_tasks // 2
        call = (
            _register(agent.agent_id, max_concurrent=slots)
            if slots
            else _call("deregister_agent", agent_id=agent.agent_id)
        )
        yield _recommend(RecommendationKind.LOW_SUCCESS, what, why, call)


def extremes(agents: Sequence[Agent]) -> tuple[Agent, Agent] | None:
    """The busiest and the idlest agent, where their utilizations differ by more than SKEWED."""
    ordered = sorted(agents, key=lambda agent: (agent.utilization, agent.agent_id))
    if not ordered or ordered[-1].utilization - ordered[0].utilization <= SKEWED:
        return None
    return ordered[-1], ordered[0]


def load_skew(
    busy: Agent, idle: Agent, movable: str | None, guarded: Collection[str] = ()
) -> Recommendation:
    """One agent is busy while another idles: move a task, or teach the idle one missing skills.

    Args:
        movable: The id of a task that the idle agent could take over.
    """
    lacking = [
        name
        for name in busy.capabilities
        if skill_key(name) not in idle.skills and skill_key(name) not in guarded
    ]
    what = f"agent {busy.agent_id} is busy while {idle.agent_id} is idle"
    why: dict[str, JsonValue] = {
        "highest": round(busy.utilization, 3),
        "lowest": round(idle.utilization, 3),
        "busy": busy.agent_id,
        "idle": idle.agent_id,
    }
    if movable is not None:
        call = _call("assign_task", task_id=movable, agent_id=idle.agent_id, reassign=True)
    elif lacking:
        call = _register(idle.agent_id, learn=[*lacking[:MOST_TAUGHT]])
    else:
        call = _register(busy.agent_id, max_concurrent=max(1, busy.active_tasks - 1))
    return _recommend(RecommendationKind.LOAD_SKEW, what, why, call)


def single_holders(
    agents: Sequence[Agent], guarded: Collection[str] = ()
) -> Iterator[Recommendation]:
    """Skills that only one agent has: teach the least loaded of the others.

    A guarded skill is meant to have few holders, and is passed over.
    """
    holders: dict[str, list[Agent]] = {}
    for agent in agents:
        for name in agent.capabilities:
            holders.setdefault(name, []).append(agent)
    for name, (holder, *others) in sorted(holders.items()):
        if not others and skill_key(name) not in guarded:
            rest = [agent for agent in agents if agent is not holder]
            other = min(rest, key=lambda agent: (agent.utilization, agent.agent_id), default=None)
            call = (
                _register(other.agent_id, learn=[name])
                if other
                else _register(_one_more(holder.agent_id), capabilities=[name])
            )
            what = f"only agent {holder.agent_id} has the skill {name}"
            why: dict[str, JsonValue] = {"holders": 1, "agents": len(agents)}
            yield _recommend(RecommendationKind.SINGLE_HOLDER, what, why, call)


def _skills(lane: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for _, name, _ in lane["skills"]))


def _teach(
    skills: Sequence[str],
    agents: Sequence[Agent],
    guarded: Collection[str] = (),
    taken: Collection[str] = (),
) -> ToolCall:
    """Teach the agent that lacks the fewest skills; without agents, register one under a new id.

    Nobody is taught a guarded skill. Where nobody has it, no call mends that: look who has.

    Args:
        taken: Ids of agents that exist besides those in `agents`.
    """
    keys = {skill_key(name) for name in skills}
    if kept := keys.intersection(guarded):
        agents = [agent for agent in agents if kept.issubset(agent.skills)]
        if not agents:
            return _call("find_capable_agents", capabilities=[*skills[:MOST_TAUGHT]])
    if not agents:
        agent_id = next(name for number in count(1) if (name := f"agent-{number}") not in taken)
        return _register(agent_id, capabilities=[*skills[:MOST_TAUGHT]])
    agent = max(agents, key=lambda it: (len(keys.intersection(it.skills)), -it.utilization))
    lacking: list[JsonValue] = [name for name in skills if skill_key(name) not in agent.skills]
    return _register(agent.agent_id, learn=lacking[:MOST_TAUGHT])


def _who_has(skills: Sequence[str]) -> ToolCall:
    """Look who has some skills, or, where none are needed, which agents there are."""
    if not skills:
        return _call("get_agent_health")
    return _call("find_capable_agents", capabilities=[*skills[:MOST_TAUGHT]])


def _one_more(agent_id: str) -> str:
    """The id of an agent beside one, where there is no other."""
    other = f"{agent_id}-2"
    return other if len(other) <= MAX_NAME else "agent-2"


def _register(agent_id: str, **arguments: JsonValue) -> ToolCall:
    return _call("register_agent", agent_id=agent_id, **arguments)


def _call(tool: str, **arguments: JsonValue) -> ToolCall:
    return ToolCall(tool=f"orchestration_{tool}", arguments=arguments)


def _recommend(
    kind: RecommendationKind, what: str, why: Mapping[str, JsonValue], call: ToolCall
) -> Recommendation:
    known: dict[str, JsonValue] = {name: it for name, it in why.items() if it is not None}
    return Recommendation(kind=kind, what=what, why=known, call=call)
