"""The simulator's arguments, variations and tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from graph_orch import (
    Agent,
    ValidationError,
)
from graph_orch.analysis.simulation import (
    AgentView,
    SimulatedAgent,
    SimulatedTask,
    arriving_at,
    compare,
    estimate,
    identical_agents,
    replicate,
    scale_arrivals,
    scale_capacity,
    scale_speed,
    simulate,
    without,
)

ONE = SimulatedAgent("one", max_concurrent_tasks=1)


def task(task_id: str, duration: float = 1.0, **fields: Any) -> SimulatedTask:
    return SimulatedTask(task_id, duration, **fields)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: task("x", -1), "duration"),
        (lambda: task("x", float("inf")), "duration"),
        (lambda: task("x", float("nan")), "duration"),
        (lambda: task("x", "1"), "duration"),
        (lambda: task("x", True), "duration"),
        (lambda: task("x", 10**400), "duration"),
        (lambda: task("x", arrives_at=-0.1), "arrives_at"),
        (lambda: task("x", available_at="soon"), "available_at"),
        (lambda: task("x", requirements="python"), "give a list"),
        (lambda: task("x", requirements=[" "]), "not empty"),
        (lambda: task("x", requirements=[1]), "a skill is a text"),
        (lambda: task("x", dependencies="y"), "give a list"),
        (lambda: task("x", dependencies=[["y"]]), "hashable"),
        (lambda: task(["x"]), "hashable"),
        (lambda: task(None), "needs a name"),
        (lambda: task("x", priority="urgent"), "high, medium, low"),
        (lambda: task("x", max_retries=1.5), "whole number"),
        (lambda: task("x", max_retries=True), "whole number"),
        (lambda: task("x", on_dependency_failure="stop"), "wait, cancel"),
        (lambda: task("x", retry_policy={"max_retries": 1}), "RetryPolicy"),
        (lambda: SimulatedAgent("a", "python"), "give a list"),
        (lambda: SimulatedAgent("a", (), 0), "max_concurrent_tasks"),
        (lambda: SimulatedAgent("a", success_rate=1.1), "success_rate"),
        (lambda: SimulatedAgent("a", speed=0), "speed"),
        (lambda: SimulatedAgent("a", total_failed=-1), "total_failed"),
        (lambda: SimulatedAgent("a", last_assigned_at=datetime(2026, 1, 1)), "time zone"),
        (lambda: simulate([task("x"), task("x")], [ONE]), "two tasks have the id 'x'"),
        (lambda: simulate([task("x")], [ONE, ONE]), "two agents have the id 'one'"),
        (lambda: simulate([task("x", dependencies=["y"])], [ONE]), "not in the workload"),
        (lambda: simulate([task("x")]), "give `agents`"),
        (lambda: simulate(["x"], [ONE]), "where a SimulatedTask is needed"),
        (lambda: simulate([task("x")], ["one"]), "where a SimulatedAgent is needed"),
        (lambda: simulate([task("x")], 4), "give a list"),
        (lambda: simulate(7, [ONE]), "give a list"),
        (lambda: simulate([], [ONE], mode="both"), "not one of push, pull"),
        (lambda: simulate([], [ONE], mode="pull", router=lambda *_: None), "no router"),
        (lambda: simulate([], [ONE], seed=-1), "seed"),
        (lambda: simulate([], [ONE], seed="1"), "seed"),
        (lambda: simulate([], [ONE], failure_rates=1.5), "failure_rates"),
        (lambda: simulate([], [ONE], failure_rates={"two": 0.5}), "which is no agent"),
        (lambda: simulate([], [ONE], failure_rates={"one": -0.5}), "failure rate of agent"),
        (lambda: simulate([task("x")], [ONE], failure_rates=lambda *_: 2), "failure rate of task"),
        (lambda: simulate([], [ONE], retry_policy=3), "RetryPolicy"),
        (lambda: simulate([], [ONE], concurrency_limits={"k": 0}), "concurrency key 'k'"),
        (lambda: simulate([], [ONE], aging_seconds=-1), "aging_seconds"),
        (lambda: identical_agents(-1), "number of agents"),
        (lambda: scale_capacity([ONE], float("nan")), "factor"),
        (lambda: scale_speed([ONE], 0), "factor"),
        (lambda: scale_arrivals([task("x")], 0), "factor"),
        (lambda: without([ONE], "two"), "'two'"),
        (lambda: replicate(1, [], []), "2"),
        (lambda: replicate(2, [], [], confidence=1.0), "between 0 and 1"),
        (lambda: estimate([1.0]), "number of values"),
        (lambda: estimate([1.0, 2.0], 95), "confidence"),
        (lambda: compare([]), "nothing to compare"),
        (lambda: compare(simulate([], [])), "several results"),
        (lambda: compare({"a": 1}), "no result"),
    ],
)
def test_bad_arguments_are_named(build, says):
    with pytest.raises(ValidationError, match=says):
        build()


def test_numbers_of_numpy_are_taken():
    found = task("x", np.float32(1.5), max_retries=np.int64(1), arrives_at=np.int32(2))
    agent = SimulatedAgent("a", (), np.int64(1))
    assert simulate([found], [agent]).tasks[0].finished == 3.5


def test_agents_of_the_store_are_taken():
    now = datetime.now(UTC)
    agent = Agent(
        agent_id="ada", capabilities=["Python"], registered_at=now, last_seen_at=now, total_failed=1
    )
    result = simulate([task("x", requirements=["python"])], [agent])
    assert result.agents[0].success_rate == 0.5


def test_variations():
    agents = [SimulatedAgent("a", (), 3), SimulatedAgent("b", (), 1)]
    assert [it.max_concurrent_tasks for it in scale_capacity(agents, 2)] == [6, 2]
    assert [it.max_concurrent_tasks for it in scale_capacity(agents, 0.1)] == [1, 1]
    assert [it.speed for it in scale_speed(agents, 2)] == [2.0, 2.0]
    assert without(agents, "a") == (agents[1],)
    tasks = [task("x", arrives_at=4.0, available_at=8.0), task("y")]
    assert [it.arrives_at for it in scale_arrivals(tasks, 2)] == [2.0, 0.0]
    assert scale_arrivals(tasks, 2)[0].available_at == 4.0
    assert {it.arrives_at for it in arriving_at(tasks, 1)} == {1.0}
    assert [it.agent_id for it in identical_agents(10)][:2] == ["agent-01", "agent-02"]


def test_tables():
    tasks = [task("x", 2.0), task("y", 1.0)]
    result = simulate(tasks, [ONE])
    frame = result.to_frame()
    assert list(frame["wait"]) == [0.0, 2.0]
    assert list(result.tries_to_frame()["ended_at"]) == [2.0, 3.0]
    assert list(result.agents_to_frame()["utilization"]) == [1.0]
    assert result.queue_to_frame().to_numpy().tolist() == [[0.0, 1.0], [2.0, 0.0]]
    assert result.mean_queue_length == pytest.approx(2 / 3)
    both = compare({"one": result, "two": simulate(tasks, identical_agents(2))})
    assert list(both["makespan"]) == [3.0, 2.0]
    assert list(both.index) == ["one", "two"]
    assert list(compare([result, result]).index) == ["0", "1"]
    view = AgentView("a", frozenset(), 4, 1, 0.5, 0, 0, 1.0)
    assert (view.utilization, view.score) == (0.25, 0.375)
