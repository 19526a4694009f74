"""The simulator's decisions, one by one, beside those of the store."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from graph_orch import Orchestrator, TaskPriority, TaskStatus
from graph_orch.analysis.simulation import (
    Mode,
    Outcome,
    SimulatedAgent,
    SimulatedTask,
    SimulationResult,
    simulate,
)
from graph_orch.analysis.simulation.dispatch import ByClaims, ByQuality

SKILLS = ("sql", "python", "prose")
Decision = tuple[float, str, str]


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[Decision]:
    """What is decided in simulations, in order: (time, task, agent)."""
    found: list[Decision] = []

    def logged(choose: Callable[..., Any]) -> Callable[..., Any]:
        def logging(self: Any, ready: Any, now: float) -> Any:
            chosen = choose(self, ready, now)
            if chosen is not None:
                found.append((now, chosen[0].spec.task_id, chosen[1].spec.agent_id))
            return chosen

        return logging

    for kind in (ByQuality, ByClaims):
        monkeypatch.setattr(kind, "choose", logged(kind.choose))
    return found


def agents(orch: Orchestrator, luck: random.Random) -> list[SimulatedAgent]:
    """Agents of the store with skills, slots and a history; some of them equal."""
    for number in range(6):
        key, skills = f"agent-{number}", SKILLS[: 1 + number % 3]
        orch.agents.register_agent(key, skills, max_concurrent_tasks=1 + number // 2)
        for _ in range(number % 4):
            orch.agents.update_agent_performance(key, luck.random() < 0.7, 10.0)
    orch.agents.register_agent("agent-9", ["Python", "SQL"], max_concurrent_tasks=1)
    return [SimulatedAgent.of(it) for it in orch.agents.list()]


def tasks(orch: Orchestrator, luck: random.Random) -> list[SimulatedTask]:
    """Tasks of the store, as they are simulated: all there from the start."""
    found: list[SimulatedTask] = []
    for number in range(30):
        fields: dict[str, Any] = {
            "task_id": str(UUID(int=luck.getrandbits(128), version=4)),
            "requirements": luck.sample(SKILLS, luck.randint(0, 2)),
            "priority": luck.choice(list(TaskPriority)),
            "dependencies": [luck.choice(found).task_id] if number > 5 and number % 3 == 0 else [],
            "max_retries": luck.randint(0, 2),
            "on_dependency_failure": luck.choice(["wait", "cancel"]),
            "concurrency_key": luck.choice([None, None, None, "one at a time"]),
        }
        orch.tasks.create_task("work", "any", **fields)
        found.append(SimulatedTask(duration=luck.choice([1.0, 2.0, 3.5]), **fields))
    found.append(
        SimulatedTask(orch.tasks.create_task("x", "any", requirements=["gold"]), 1.0, ["gold"])
    )
    return found


def replay(
    orch: Orchestrator,
    result: SimulationResult,
    decided: list[Decision],
    decide: Callable[[str, str], None],
    settled: Callable[[], None],
) -> None:
    """Do in the store what was simulated, in the same order."""
    moments = sorted({now for now, _, _ in decided} | {it.ended_at for it in result.tries})
    for moment in moments:
        for one in result.tries:
            if one.ended_at == moment and one.outcome is Outcome.COMPLETED:
                orch.tasks.complete_task(one.task_id)
            elif one.ended_at == moment:
                orch.tasks.fail_task(one.task_id, "unlucky")
        for now, task_id, agent_id in decided:
            if now == moment:
                decide(task_id, agent_id)
                orch.tasks.start_task(task_id)
        settled()


def routed(orch: Orchestrator) -> tuple[str, str] | None:
    """The best ready task for which the store's router finds somebody, and whom."""
    for task in orch.tasks.poll_tasks(limit=1_000):
        agent_id = orch.router.route_task(task.task_id)
        if agent_id is not None and not limit_reached(orch, task.concurrency_key):
            return task.task_id, agent_id
    return None


def limit_reached(orch: Orchestrator, key: str | None) -> bool:
    """Routing looks at agents alone; a limit is looked at when the task is assigned."""
    if key is None:
        return False
    held = [
        it
        for status in (TaskStatus.ASSIGNED, TaskStatus.RUNNING)
        for it in orch.tasks.query_tasks(filters={"status": status}, limit=1_000)
    ]
    return key in {it.concurrency_key for it in held}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_router_decides_as_simulated(orch, decided, seed, rate):
    luck = random.Random(seed)
    crew, work = agents(orch, luck), tasks(orch, luck)
    result = simulate(work, crew, failure_rates=rate, seed=seed)

    def decide(task_id: str, agent_id: str) -> None:
        assert routed(orch) == (task_id, agent_id)
        assert orch.router.dispatch_task(task_id) == agent_id

    def settled() -> None:
        assert routed(orch) is None

    replay(orch, result, decided, decide, settled)
    assert len(decided) == len(result.tries) >= 20
    ends_agree(orch, result)


@pytest.mark.parametrize("seed", [4, 5])
def test_agents_claim_as_simulated(orch, decided, seed):
    luck = random.Random(seed)
    crew, work = agents(orch, luck), tasks(orch, luck)
    result = simulate(work, crew, failure_rates=0.3, seed=seed, mode=Mode.PULL)

    def decide(task_id: str, agent_id: str) -> None:
        (claim,) = orch.tasks.claim_tasks(agent_id, lease_seconds=3_600)
        assert claim.task_id == task_id

    def settled() -> None:
        for agent in crew:
            assert orch.tasks.claim_tasks(agent.agent_id) == []

    replay(orch, result, decided, decide, settled)
    assert len(decided) == len(result.tries) >= 20
    ends_agree(orch, result)


def ends_agree(orch: Orchestrator, result: SimulationResult) -> None:
    """What became of tasks and agents is the same in the store."""
    for it in result.tasks:
        stored = orch.tasks.get_task_status(it.task_id)
        still = it.outcome in (Outcome.BLOCKED, Outcome.UNROUTABLE)
        assert stored.status == ("pending" if still else it.outcome)
        assert stored.is_blocked == (it.outcome is Outcome.BLOCKED)
        assert stored.attempt == it.tries
        if it.tries:
            assert still or stored.assigned_to == it.agent_id
    for agent in result.agents:
        assert orch.agents.get_agent(agent.agent_id).success_rate == agent.success_rate
