"""The agent registry: which agents there are, their skills, success and load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from graph_orch._async.creation import add_skills
from graph_orch._async.graph import AsyncGraph, AsyncTransaction, Rows
from graph_orch.domain.fields import (
    CONFIDENCE,
    JSON_OBJECT,
    LABELS,
    LIMIT,
    MAX_INT,
    MILLISECONDS,
    NAME,
    NEW_NAME,
    NEW_SKILLS,
    SKILLS,
    SLOTS,
    command_id_of,
)
from graph_orch.domain.forms import dump_json, skill_key
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import (
    Agent,
    AgentHealth,
    AgentLoad,
    AgentStatistics,
    CircuitBreaker,
    WorkerInfo,
)
from graph_orch.errors import AgentNotFoundError
from graph_orch.store.driving import native
from graph_orch.store.runtime import async_in_thread

DEFAULT_SLOTS = 5
RELEASED_AT_ONCE = 500


class AsyncAgentRegistry:
    """Agents in a graph."""

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph

    async def register_agent(
        self,
        agent_id: str,
        capabilities: Sequence[str],
        metadata: Mapping[str, JsonValue] | None = None,
        *,
        max_concurrent_tasks: int | None = None,
        labels: Sequence[str] | None = None,
    ) -> Agent:
        """Register an agent; one that is registered already is changed, and keeps its record.

        An agent that was deregistered comes back with its record, and otherwise as a new one.

        Args:
            capabilities: The names of all its skills: it loses those that are not among these.
                They are matched without regard to case.
            metadata: Any JSON object, which replaces the one before. None keeps that.
            max_concurrent_tasks: How many tasks it may hold at once. None takes what `metadata`
                says under this name, else keeps what the agent has; a new agent has 5.
            labels: What it is besides, such as "region=eu", which tasks may require or prefer;
                they replace those before. None keeps these.

        Raises:
            ValidationError: an argument is not acceptable.
        """
        agent = NEW_NAME.of("agent_id", agent_id)
        skills = NEW_SKILLS.of("capabilities", capabilities)
        details = None if metadata is None else JSON_OBJECT.of("metadata", metadata)
        slots = _slots(max_concurrent_tasks, details)
        text = None if details is None else dump_json(details)
        marks = None if labels is None else list(LABELS.of("labels", labels))
        rows = await self._graph.transaction(_register, agent, skills, slots, marks, text)
        return Agent.from_record(rows[0])

    async def get_agent(self, agent_id: str) -> Agent | None:
        """The agent as it is now; None where none of this id is registered."""
        rows = await self._graph.read("agents/get", agent_id=NAME.of("agent_id", agent_id))
        return Agent.from_record(rows[0]) if rows else None

    async def list(self, *, containing: str | None = None, limit: int | None = None) -> list[Agent]:
        """The registered agents, by id.

        Args:
            containing: Only those of which the id, a skill or a label contains this text, without
                regard to case; None: all.
            limit: How many at most; None: all.
        """
        text = None if containing is None else NAME.of("containing", containing)
        texts = {"containing": text and text.lower(), "folded": text and skill_key(text)}
        most = MAX_INT if limit is None else LIMIT.of("limit", limit)
        rows = await self._graph.read("agents/list", **texts, limit=most)
        # Thousands of them take a while, in which the event loop serves others.
        return await async_in_thread(
            lambda: [Agent.from_record(it) for row in rows for it in row["agents"]]
        )

    async def list_workers(self) -> list[WorkerInfo]:
        """The worker processes, those that died within a day included, with what they hold."""
        rows = await self._graph.read("workers/list")
        return [WorkerInfo.from_record(native(row)) for row in rows]

    async def schemas(self, agent_id: str | None = None) -> dict[str, JsonValue]:
        """What live workers with typed handlers take and give, by task type.

        Each as `input`, the JSON schema of the content, and `output`, that of the result, where
        the handler has such a type.

        Args:
            agent_id: Only those of this agent's workers.
        """
        found: dict[str, JsonValue] = {}
        wanted = None if agent_id is None else NAME.of("agent_id", agent_id)
        for worker in await self.list_workers():
            if worker.is_live and wanted in (None, worker.agent_id):
                found |= worker.schemas if isinstance(worker.schemas, dict) else {}
        return found

    async def forget_workers(self) -> int:
        """Forget the worker processes that were not seen for a day; how many there were."""
        return (await self._graph.write("workers/forget"))[0]["forgotten"]

    async def get_agent_capability(self, agent_id: str) -> list[str]:
        """The names of an agent's skills; [] where none of this id is registered."""
        agent = await self.get_agent(agent_id)
        return [] if agent is None else agent.capabilities

    async def get_agents_by_capability(self, skills: Sequence[str]) -> list[str]:
        """The ids of the agents that have every skill, busy or not, in order; [] if none."""
        keys = [skill_key(name) for name in SKILLS.of("skills", skills)]
        if not keys:
            (row,) = await self._graph.read("routing/all_agents")
        else:
            (row,) = await self._graph.read("routing/find_capable", skills=keys)
        return list(row["agent_ids"])

    async def update_agent_performance(
        self,
        agent_id: str,
        success: bool,
        duration_ms: float,
        metrics: Mapping[str, JsonValue] | None = None,
        *,
        command_id: str | None = None,
    ) -> Agent:
        """Count work that an agent did outside the queue.

        success_rate = total_completed / (total_completed + total_failed);
        avg_completion_ms = (old_avg * old_count + duration_ms) / (old_count + 1), successes only.

        Raises:
            AgentNotFoundError: the agent is not registered.
        """
        agent = NAME.of("agent_id", agent_id)
        rows = await self._graph.write(
            "agents/record_performance",
            agent_id=agent,
            success=bool(success),
            duration_ms=MILLISECONDS.of("duration_ms", duration_ms),
            metrics=(None if metrics is None else dump_json(JSON_OBJECT.of("metrics", metrics))),
            command_id=command_id_of(command_id),
        )
        return _one(rows, agent)

    async def get_agent_health(self, agent_id: str) -> AgentHealth:
        """How an agent is doing; status not_found where none of this id is registered."""
        agent = await self.get_agent(agent_id)
        return AgentHealth.of(NAME.of("agent_id", agent_id), agent)

    async def set_circuit_breaker(self, agent_id: str, breaker: CircuitBreaker | None) -> Agent:
        """Say when an agent that keeps failing is paused; None: never.

        Raises:
            AgentNotFoundError: the agent is not registered.
        """
        agent = NAME.of("agent_id", agent_id)
        if breaker is not None:
            breaker = CircuitBreaker.parsed("breaker", breaker)
        rows = await self._graph.write(
            "agents/set_breaker",
            agent_id=agent,
            failures=None if breaker is None else breaker.failures,
            seconds=None if breaker is None else breaker.pause_seconds,
        )
        return _one(rows, agent)

    async def learn_new_capability(
        self, agent_id: str, skill: str, confidence: float = 1.0
    ) -> Agent:
        """Give an agent a skill, or change its confidence (0 to 1) in one that it has.

        Raises:
            AgentNotFoundError: the agent is not registered.
        """
        agent, name = NAME.of("agent_id", agent_id), NEW_NAME.of("skill", skill)
        sure = CONFIDENCE.of("confidence", confidence)
        rows = await self._graph.transaction(_learn, agent, name, sure)
        return _one(rows, agent)

    async def forget_capability(self, agent_id: str, skill: str) -> Agent:
        """Take a skill from an agent; one that it does not have is no error.

        Raises:
            AgentNotFoundError: the agent is not registered.
        """
        agent, name = NAME.of("agent_id", agent_id), NAME.of("skill", skill)
        rows = await self._graph.transaction(_forget, agent, name)
        return _one(rows, agent)

    async def guard_skill(self, skill: str, guarded: bool = True) -> list[str]:
        """Mark a skill as guarded, or take the mark away; the names of all guarded skills.

        Servers let none but an administrator, who has a token, teach a guarded skill to an agent,
        and recommendations never offer to. Agents that have the skill keep it.
        """
        name = NEW_NAME.of("skill", skill)
        await self._graph.transaction(_guard, name, bool(guarded))
        return await self.guarded_skills()

    async def guarded_skills(self) -> list[str]:
        """The names of the guarded skills, in order."""
        return [row["name"] for row in await self._graph.read("agents/guarded")]

    async def get_agent_statistics(self) -> AgentStatistics:
        """All agents in numbers."""
        (row,) = await self._graph.read("agents/statistics")
        return await async_in_thread(_statistics, row)

    async def deregister_agent(self, agent_id: str, *, command_id: str | None = None) -> Agent:
        """Remove an agent, and return it as it was. What it held is pending again; history stays.

        Raises:
            AgentNotFoundError: the agent is not registered.
        """
        agent = NAME.of("agent_id", agent_id)
        command = command_id_of(command_id)
        rows = None
        while rows is None:
            rows = await self._graph.transaction(_deregister, agent, command)
        return _one(rows, agent)


async def _register(
    tx: AsyncTransaction,
    agent_id: str,
    names: tuple[str, ...],
    slots: int | None,
    labels: list[str] | None,
    metadata: str | None,
) -> Rows:
    command_id = new_hex()
    wanted = {skill_key(name): name for name in names}
    await add_skills(tx, wanted)
    rows = await tx.run(
        "agents/upsert",
        agent_id=agent_id,
        max_concurrent_tasks=slots,
        default_slots=DEFAULT_SLOTS,
        labels=labels,
        metadata=metadata,
        command_id=command_id,
    )
    return await _change(tx, agent_id, rows[0]["skills"], list(wanted))


async def _learn(tx: AsyncTransaction, agent_id: str, name: str, confidence: float) -> Rows:
    key = skill_key(name)
    skills = await _lock(tx, agent_id)
    if skills is None:
        return ()
    await add_skills(tx, {key: name})
    if key in skills:
        await tx.run("agents/set_confidence", agent_id=agent_id, key=key, confidence=confidence)
        return await tx.run("agents/get", agent_id=agent_id)
    return await _change(tx, agent_id, skills, [*skills, key], confidence)


async def _guard(tx: AsyncTransaction, name: str, guarded: bool) -> None:
    key = skill_key(name)
    await add_skills(tx, {key: name})
    await tx.run("agents/guard", key=key, guarded=guarded)


async def _forget(tx: AsyncTransaction, agent_id: str, name: str) -> Rows:
    skills = await _lock(tx, agent_id)
    if skills is None:
        return ()
    return await _change(tx, agent_id, skills, [key for key in skills if key != skill_key(name)])


async def _deregister(tx: AsyncTransaction, agent_id: str, command_id: str) -> Rows | None:
    """Release what an agent holds, and retire it; None where it still holds more."""
    if await _lock(tx, agent_id) is None:
        retired = await tx.run("agents/retired", agent_id=agent_id, command_id=command_id)
        return [native(row) for row in retired]
    held = await tx.run("agents/held", agent_id=agent_id, limit=RELEASED_AT_ONCE)
    for row in held:
        await tx.run(
            "tasks/release",
            task_id=row["task_id"],
            attempt=None,
            exclude_agent=False,
            used=None,
            detail=dump_json({"reason": f"agent {agent_id} was deregistered"}),
            command_id=new_hex(),
        )
    if len(held) == RELEASED_AT_ONCE:
        return None
    return await tx.run("agents/retire", agent_id=agent_id, command_id=command_id)


async def _lock(tx: AsyncTransaction, agent_id: str) -> list[str] | None:
    """Lock an agent; its skill keys, None if there is none."""
    rows = await tx.run("agents/lock", agent_id=agent_id, command_id=new_hex())
    return list(rows[0]["skills"]) if rows else None


async def _change(
    tx: AsyncTransaction,
    agent_id: str,
    before: Sequence[str],
    after: list[str],
    confidence: float = 1.0,
) -> Rows:
    return await tx.run(
        "agents/change_skills",
        agent_id=agent_id,
        skills=after,
        added=sorted(set(after) - set(before)),
        removed=sorted(set(before) - set(after)),
        confidence=confidence,
    )


def _one(rows: Rows, agent_id: str) -> Agent:
    if not rows:
        raise AgentNotFoundError(agent_id)
    return Agent.from_record(rows[0])


def _statistics(row: Mapping[str, Any]) -> AgentStatistics:
    rates = [agent["success_rate"] for agent in row["agents"]]
    return AgentStatistics(
        total_agents=len(rates),
        avg_success_rate=sum(rates) / len(rates) if rates else 1.0,
        skill_distribution=dict(row["skills"]),
        load=[AgentLoad.from_record(agent) for agent in row["agents"]],
    )


def _slots(given: int | None, metadata: Mapping[str, JsonValue] | None) -> int | None:
    if given is not None:
        return SLOTS.of("max_concurrent_tasks", given)
    inside = (metadata or {}).get("max_concurrent_tasks")
    return None if inside is None else SLOTS.of("metadata.max_concurrent_tasks", inside)
