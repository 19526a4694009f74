"""The simulator: the store's rules, on workloads small enough to reckon by hand, and beside a
slow simulator that scans everything."""

from __future__ import annotations

import copy
import json
from dataclasses import FrozenInstanceError, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_orch import (
    Agent,
    Candidate,
    DependencyFailure,
    RetryPolicy,
    RoutingError,
    TaskPriority,
    ValidationError,
)
from graph_orch.analysis.simulation import (
    AgentView,
    Mode,
    Outcome,
    SimulatedAgent,
    SimulatedTask,
    SimulationResult,
    agents_of,
    arriving_at,
    compare,
    identical_agents,
    observed_failure_rates,
    replicate,
    scale_arrivals,
    scale_capacity,
    scale_speed,
    simulate,
    tasks_of,
    unlimited,
    without,
)
from graph_orch.analysis.simulation.draws import draw
from graph_orch.analysis.simulation.engine import pause
from graph_orch.workflows import longest_chain, parse_workflow, read_workflow

MODES = list(Mode)
ONE = SimulatedAgent("one", max_concurrent_tasks=1)


def task(task_id: str, duration: float = 1.0, **fields: Any) -> SimulatedTask:
    return SimulatedTask(task_id, duration, **fields)


def order(result: SimulationResult) -> list[object]:
    """The tasks in the order in which they were begun."""
    return [it.task_id for it in sorted(result.tries, key=lambda it: (it.started_at, it.slot))]


def who(result: SimulationResult) -> dict[object, object]:
    return {it.task_id: it.agent_id for it in result.tasks}


@pytest.mark.parametrize("mode", MODES)
def test_chain_takes_the_sum(mode):
    tasks = [task(str(n), n + 0.5, dependencies=[str(n - 1)] if n else []) for n in range(20)]
    result = simulate(tasks, identical_agents(3), mode=mode)
    assert result.makespan == sum(n + 0.5 for n in range(20))
    assert result.completed == 20
    assert result.waits.mean == 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("count", "slots"), [(1, 1), (10, 3), (12, 3), (13, 3), (5, 8), (100, 7)])
def test_fan_takes_as_many_rounds_as_it_needs(mode, count, slots):
    tasks = [task(str(n), 2.0) for n in range(count)]
    agents = [replace(ONE, max_concurrent_tasks=slots)]
    assert simulate(tasks, agents, mode=mode).makespan == -(-count // slots) * 2.0
    apart = identical_agents(slots)
    assert simulate(tasks, apart, mode=mode).makespan == -(-count // slots) * 2.0


@pytest.mark.parametrize("mode", MODES)
def test_priority_goes_first_then_who_came_first(mode):
    tasks = [
        task("low", priority=TaskPriority.LOW),
        task("medium, second", arrives_at=0.25),
        task("medium, first"),
        task("high", arrives_at=0.5, priority="high"),
        task("first of all", arrives_at=0, priority=TaskPriority.HIGH),
    ]
    expected = ["first of all", "high", "medium, first", "medium, second", "low"]
    assert order(simulate(tasks, [ONE], mode=mode)) == expected


def test_whoever_waits_long_enough_comes_first():
    tasks = [
        task("begun", 50.0, priority="high"),
        task("low", priority="low"),
        task("high", arrives_at=21.0, priority="high"),
    ]
    assert order(simulate(tasks, [ONE])) == ["begun", "high", "low"]
    assert order(simulate(tasks, [ONE], aging_seconds=10)) == ["begun", "low", "high"]
    assert order(simulate(tasks, [ONE], aging_seconds=11)) == ["begun", "high", "low"]


def test_the_best_candidate_is_chosen():
    agents = [
        SimulatedAgent("worse", ["x"], 4, success_rate=0.7),
        SimulatedAgent("better", [" X "], 4, success_rate=0.9),
        SimulatedAgent("best, unskilled", ["y"], 4),
    ]
    tasks = [task(str(n), 9.0, requirements=["x"]) for n in range(4)]
    # 0.9, then 0.7 > 0.9 * 3/4, then 0.9 * 3/4 > 0.7 * 3/4, then 0.7 * 3/4 > 0.9 * 1/2
    assert list(who(simulate(tasks, agents)).values()) == ["better", "worse", "better", "worse"]


def test_ties_go_to_who_waited_longest_then_by_name():
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    agents = [
        SimulatedAgent("c", (), 1, last_assigned_at=long_ago),
        SimulatedAgent("b", (), 1, last_assigned_at=long_ago + timedelta(seconds=1)),
        SimulatedAgent("d", (), 1),
        SimulatedAgent("a", (), 1, last_assigned_at=long_ago),
    ]
    tasks = [task(str(n), 1.0, arrives_at=2.0 * n) for n in range(6)]
    for mode in MODES:
        assert list(who(simulate(tasks, agents, mode=mode)).values()) == list("dacbda")


def test_success_rate_is_kept_as_the_store_does():
    agents = [SimulatedAgent("a", (), 1, 0.5, total_completed=3, total_failed=3), ONE]
    tasks = [task("x", arrives_at=0.0), task("y", arrives_at=5.0)]
    rates = {"one": 1.0}
    result = simulate(tasks, agents, failure_rates=rates, retry_policy=RetryPolicy(max_retries=0))
    assert who(result) == {"x": "one", "y": "a"}  # "one" has failed, and has a rate of 0 now
    assert [it.success_rate for it in result.agents] == [4 / 7, 0.0]


@pytest.mark.parametrize("mode", MODES)
def test_faster_agents_take_less(mode):
    result = simulate([task("x", 6.0)], [replace(ONE, speed=3.0)], mode=mode)
    assert result.makespan == 2.0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_failed_tries_return_to_their_place_until_there_are_none_left(mode, retries):
    tasks = [task("fails", max_retries=retries), task("other", arrives_at=0.5)]
    fails = lambda task, agent: float(task.task_id == "fails")  # noqa: E731
    result = simulate(tasks, [ONE], failure_rates=fails, mode=mode)
    assert order(result) == ["fails"] * (retries + 1) + ["other"]
    first, second = result.tasks
    assert first.outcome is Outcome.FAILED
    assert (first.tries, first.finished) == (retries + 1, retries + 1.0)
    assert second.wait == retries + 0.5
    assert (result.agents[0].completed, result.agents[0].failed) == (1, retries + 1)
    assert {it.attempt for it in result.tries if it.task_id == "fails"} == {*range(1, retries + 2)}


def test_pauses_before_retries_grow():
    policy = RetryPolicy(max_retries=3, initial_seconds=10, multiplier=2, max_seconds=25, jitter=0)
    result = simulate([task("x")], [ONE], failure_rates=1.0, retry_policy=policy)
    assert [it.started_at for it in result.tries] == [0.0, 11.0, 32.0, 58.0]
    assert result.tasks[0].wait == 0
    own = RetryPolicy(max_retries=1, initial_seconds=5, jitter=0)
    of_its_own = simulate([task("x", retry_policy=own)], [ONE], failure_rates=1.0)
    assert [it.started_at for it in of_its_own.tries] == [0.0, 6.0]


@given(st.integers(0, 10**6), st.floats(-1, 1), st.floats(0, 1))
def test_a_pause_is_never_longer_than_it_may_be(retries, jitter, share):
    policy = RetryPolicy(initial_seconds=1, multiplier=1000, max_seconds=100, jitter=share)
    assert 0 <= pause(policy, retries, jitter) <= 100 * (1 + share)
    assert pause(RetryPolicy(), retries, jitter) == 0


@pytest.mark.parametrize("mode", MODES)
def test_dependents_of_a_failure_wait_or_are_cancelled(mode):
    cancel = {"on_dependency_failure": DependencyFailure.CANCEL}
    tasks = [
        task("root", max_retries=0),
        task("waits", dependencies=["root"]),
        task("goes", dependencies=["root"], **cancel),
        task("goes too", dependencies=["goes"], **cancel),
        task("waits behind", dependencies=["goes too"]),
        task("comes later", dependencies=["root", "goes"], arrives_at=7.0, **cancel),
        task("after that", dependencies=["comes later"], on_dependency_failure="cancel"),
        task("not concerned"),
    ]
    fails = lambda task, agent: float(task.task_id == "root")  # noqa: E731
    result = simulate(tasks, [ONE], failure_rates=fails, mode=mode)
    found = {it.task_id: (it.outcome.value, it.finished) for it in result.tasks}
    assert found == {
        "root": ("failed", 1.0),
        "waits": ("blocked", None),
        "goes": ("cancelled", 1.0),
        "goes too": ("cancelled", 1.0),
        "waits behind": ("blocked", None),
        "comes later": ("cancelled", 7.0),
        "after that": ("cancelled", 7.0),
        "not concerned": ("completed", 2.0),
    }
    assert result.tasks[1].reason == "waits for 'root', which is failed"
    assert result.cycles == ()


@pytest.mark.parametrize("mode", MODES)
def test_available_at_holds_a_task_back(mode):
    tasks = [task("later", available_at=5.0), task("now"), task("past", available_at=0.0)]
    result = simulate(tasks, identical_agents(3), mode=mode)
    assert [it.started for it in result.tasks] == [5.0, 0.0, 0.0]
    assert result.tasks[0].wait == 0
    assert result.tasks[0].ready == 5.0


@pytest.mark.parametrize("mode", MODES)
def test_what_nobody_can_do_is_said(mode):
    tasks = [
        task("no skill", requirements=["Gold"]),
        task("excluded", excluded_agents=["one"]),
        task("behind", dependencies=["no skill"]),
        task("fine"),
    ]
    result = simulate(tasks, [ONE], mode=mode)
    assert [it.outcome.value for it in result.tasks] == [
        "unroutable",
        "unroutable",
        "blocked",
        "completed",
    ]
    assert "'gold'" in result.tasks[0].reason
    assert (result.unroutable, result.blocked, result.completed) == (2, 1, 1)
    nobody = simulate([task("x")], [], mode=mode)
    assert nobody.tasks[0].reason == "there is no agent"
    assert nobody.makespan == 0


@pytest.mark.parametrize("mode", MODES)
def test_circles_are_reported_and_end(mode):
    tasks = [
        task("a", dependencies=["b"]),
        task("b", dependencies=["c"]),
        task("c", dependencies=["a"]),
        task("self", dependencies=["self"]),
        task("behind", dependencies=["self"]),
        task("free"),
    ]
    result = simulate(tasks, [ONE], mode=mode)
    assert result.cycles == (("a", "b", "c"), ("self",))
    assert (result.blocked, result.completed) == (5, 1)


@pytest.mark.parametrize("mode", MODES)
def test_concurrency_keys_are_limited(mode):
    tasks = [task(str(n), concurrency_key="db") for n in range(4)] + [task("other")]
    tasks[3] = replace(tasks[3], requirements=["x"])
    agents = [SimulatedAgent("many", ["x"], 10)]
    assert simulate(tasks, agents, mode=mode).makespan == 4.0
    assert simulate(tasks, agents, mode=mode, concurrency_limits={"db": 2}).makespan == 2.0
    assert simulate(tasks, agents, mode=mode).tasks[4].finished == 1.0


def test_empty():
    result = simulate([], [])
    assert result.makespan == result.utilization == result.mean_queue_length == 0
    assert result.waits.count == result.throughput == result.longest_queue == 0
    assert result.to_frame().empty
    assert list(result.to_frame().columns)[:2] == ["task_id", "task_type"]


def test_results_and_views_cannot_be_changed():
    result = simulate([task("x")], [ONE])
    for thing, name in [(result, "seed"), (result.tasks[0], "wait"), (result.tries[0], "slot")]:
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, 1)


# A router of one's own


def test_router_sees_the_candidates_best_first():
    seen: list[tuple[Any, ...]] = []

    def last(task: SimulatedTask, candidates: Any, now: float) -> object:
        seen.append((task.task_id, [it.agent_id for it in candidates], now))
        for view in candidates:
            model = Candidate(
                agent_id=view.agent_id,
                success_rate=view.success_rate,
                active_tasks=view.active_tasks,
                max_concurrent_tasks=view.max_concurrent_tasks,
            )
            assert view.score == model.score
            with pytest.raises(FrozenInstanceError):
                view.active_tasks = 0
        return candidates[-1].agent_id

    agents = [
        SimulatedAgent("a", ["x"], 1, 0.5),
        SimulatedAgent("b", ["x"], 1),
        SimulatedAgent("c", [], 1),
    ]
    tasks = [task("1", requirements=["x"]), task("2", arrives_at=0.5, requirements=["x"])]
    assert who(simulate(tasks, agents, router=last)) == {"1": "a", "2": "b"}
    assert seen == [("1", ["b", "a"], 0.0), ("2", ["b"], 0.5)]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("nobody", "no such agent"),
        (["b"], "no such agent"),
        (3.5, "no such agent"),
        ("c", "it lacks 'x'"),
        ("full", "it holds 1 of at most 1"),
        ("excluded", "excludes it"),
    ],
)
def test_router_must_keep_the_rules(answer, says):
    agents = [SimulatedAgent(key, ["x"], 1) for key in ("b", "full", "excluded")]
    agents.append(SimulatedAgent("c", [], 1))
    tasks = [
        task("first", requirements=["x"]),
        task("second", arrives_at=0.1, requirements=["x"], excluded_agents=["excluded"]),
    ]
    router = lambda task, candidates, now: "full" if task.task_id == "first" else answer  # noqa: E731
    with pytest.raises(RoutingError, match=says):
        simulate(tasks, agents, router=router)


def test_router_may_wait_and_is_asked_again():
    def patient(task: SimulatedTask, candidates: Any, now: float) -> object:
        return "one" if task.task_id == "wakes" or now >= 3 else None

    tasks = [task("waits"), task("wakes", arrives_at=2.0)]
    result = simulate(tasks, [ONE], router=patient)
    assert order(result) == ["wakes", "waits"]
    assert result.tasks[0].wait == 3.0


def test_router_that_chooses_nobody_comes_to_an_end():
    result = simulate([task("a"), task("b")], [ONE], router=lambda *_: None)
    assert result.refused == 2
    assert result.tries == ()


# Random parts


def test_other_agents_meet_the_same_luck():
    tasks = [task(str(n), 1.0, max_retries=5) for n in range(200)]
    few = simulate(tasks, identical_agents(2), failure_rates=0.4, seed=7)
    many = simulate(tasks, identical_agents(50), failure_rates=0.4, seed=7, mode="pull")
    assert [it.tries for it in few.tasks] == [it.tries for it in many.tasks]
    other = simulate(tasks, identical_agents(2), failure_rates=0.4, seed=8)
    assert [it.tries for it in few.tasks] != [it.tries for it in other.tasks]
    assert simulate(tasks, identical_agents(2), failure_rates=0.4, seed=7) == few


def test_more_failures_are_those_and_others():
    tasks = [task(str(n), max_retries=0) for n in range(500)]

    def failed(rate: float) -> set[object]:
        result = simulate(tasks, [ONE], failure_rates=rate)
        return {it.task_id for it in result.tasks if it.outcome is Outcome.FAILED}

    assert failed(0.1) < failed(0.3)
    assert 25 < len(failed(0.1)) < 75 < len(failed(0.3)) < 225
    assert len(failed(1.0)) == 500
    assert failed(0.0) == set()


def test_draws_are_uniform_and_do_not_repeat():
    found = sorted(draw(1, "failure", n, 1) for n in range(20_000))
    distance = max(abs(value - (place + 0.5) / 20_000) for place, value in enumerate(found))
    assert distance < 1.95 / 20_000**0.5  # Kolmogorov-Smirnov at 0.1 %
    assert len(set(found)) == 20_000
    assert draw(1, "failure", "\ud800", 1) != draw(1, "jitter", "\ud800", 1)


def test_failure_rates_by_agent():
    agents = [SimulatedAgent("good", (), 1), SimulatedAgent("bad", (), 1)]
    tasks = [task(str(n), max_retries=0) for n in range(20)]
    result = simulate(tasks, agents, failure_rates={"bad": 1.0}, mode="pull")
    good, bad = result.agents
    assert (good.failed, bad.completed) == (0, 0)
    assert good.completed == result.completed
    assert observed_failure_rates([replace(ONE, success_rate=0.75)]) == {"one": 0.25}


# Beside a simulator that scans everything

SKILLS = ("x", "y", "z")
SOME_SKILLS = st.lists(st.sampled_from(SKILLS), unique=True, max_size=3)
TIMES = st.integers(0, 6).map(float)


@st.composite
def workloads(draw_: Any) -> tuple[list[SimulatedTask], list[SimulatedAgent]]:
    count = draw_(st.integers(0, 14))
    tasks = [
        SimulatedTask(
            f"t{place}",
            float(draw_(st.integers(0, 5))),
            draw_(SOME_SKILLS),
            draw_(st.lists(st.sampled_from([f"t{n}" for n in range(count)]), max_size=2))
            if draw_(st.booleans())
            else [],
            draw_(TIMES),
            draw_(st.none() | TIMES),
            draw_(st.sampled_from(TaskPriority)),
            draw_(st.integers(0, 2)),
            on_dependency_failure=draw_(st.sampled_from(DependencyFailure)),
            concurrency_key=draw_(st.sampled_from([None, None, "k", "l"])),
            excluded_agents=draw_(st.lists(st.sampled_from(["a0", "a1"]), max_size=1)),
        )
        for place in range(count)
    ]
    agents = [
        SimulatedAgent(
            f"a{place}",
            draw_(SOME_SKILLS),
            draw_(st.integers(1, 3)),
            draw_(st.sampled_from([0.5, 0.9, 1.0])),
            draw_(st.sampled_from([1.0, 2.0])),
        )
        for place in range(draw_(st.integers(0, 5)))
    ]
    return tasks, agents


@dataclass
class Slow:
    """Scans all tasks and agents for every decision: slow, short, and easy to see to be right."""

    tasks: list[SimulatedTask]
    agents: list[SimulatedAgent]
    mode: Mode
    rate: float
    status: dict[Any, str] = field(default_factory=dict)
    tries: list[tuple[Any, ...]] = field(default_factory=list)

    def run(self) -> None:
        self.retries = {it.task_id: 0 for it in self.tasks}
        self.attempts = dict(self.retries)
        self.rates = {it.agent_id: it.success_rate for it in self.agents}
        self.ended: dict[Any, list[bool]] = {it.agent_id: [] for it in self.agents}
        self.last = {it.agent_id: -1 for it in self.agents}
        self.running: list[tuple[float, int, Any, SimulatedAgent, float]] = []
        self.given = 0
        times = {it.arrives_at for it in self.tasks} | {it.available_at or 0 for it in self.tasks}
        while times or self.running:
            self.now = min(times | {it[0] for it in self.running})
            times.discard(self.now)
            self.finish()
            self.cancel()
            while self.begin():
                pass

    def finish(self) -> None:
        for work in sorted((it for it in self.running if it[0] == self.now), key=lambda it: it[1]):
            self.running.remove(work)
            _, _, spec, agent, started = work
            key = spec.task_id
            failed = draw(0, "failure", key, self.attempts[key]) < self.rate
            self.ended[agent.agent_id].append(failed)
            ended = self.ended[agent.agent_id]
            self.rates[agent.agent_id] = ended.count(False) / len(ended)
            self.tries.append((key, agent.agent_id, self.attempts[key], started, self.now, failed))
            self.retries[key] += failed
            if not failed:
                self.status[key] = "completed"
            elif self.retries[key] > spec.max_retries:
                self.status[key] = "failed"
            else:
                del self.status[key]

    def cancel(self) -> None:
        changed = True
        while changed:
            doomed = [
                it
                for it in self.tasks
                if it.task_id not in self.status
                and it.arrives_at <= self.now
                and it.on_dependency_failure is DependencyFailure.CANCEL
                and any(self.status.get(o) in ("failed", "cancelled") for o in it.dependencies)
            ]
            self.status |= {it.task_id: "cancelled" for it in doomed}
            changed = bool(doomed)

    def active(self, agent: SimulatedAgent) -> int:
        return sum(it[3] is agent for it in self.running)

    def able(self, spec: SimulatedTask) -> list[SimulatedAgent]:
        return [
            it
            for it in self.agents
            if spec.skill_keys <= it.skill_keys
            and self.active(it) < it.max_concurrent_tasks
            and it.agent_id not in spec.excluded_agents
        ]

    def place(self, agent: SimulatedAgent) -> tuple[Any, ...]:
        recency = (self.last[agent.agent_id], agent.agent_id)
        if self.mode is Mode.PULL:
            return recency
        load = self.active(agent) / agent.max_concurrent_tasks
        return (-(self.rates[agent.agent_id] * (1 - min(load, 1.0))), *recency)

    def begin(self) -> bool:
        held = [it[2].concurrency_key for it in self.running]
        ready = [
            it
            for it in self.tasks
            if it.task_id not in self.status
            and max(it.arrives_at, it.available_at or 0) <= self.now
            and all(self.status.get(other) == "completed" for other in it.dependencies)
            and (it.concurrency_key is None or it.concurrency_key not in held)
            and self.able(it)
        ]
        ready.sort(key=lambda it: (it.priority.rank, it.arrives_at, self.tasks.index(it)))
        if not ready:
            return False
        able = self.able(ready[0])
        if self.mode is Mode.PULL:
            able = [agent for it in ready for agent in self.able(it)]
        agent = min(able, key=self.place)
        spec = next(it for it in ready if agent in self.able(it))
        self.status[spec.task_id] = "running"
        self.attempts[spec.task_id] += 1
        self.last[agent.agent_id] = self.given
        self.given += 1
        end = self.now + spec.duration / agent.speed
        self.running.append((end, self.given, spec, agent, self.now))
        return True


@pytest.mark.parametrize("mode", MODES)
@given(workloads(), st.sampled_from([0.0, 0.3, 1.0]))
@settings(max_examples=400, deadline=None)
def test_decisions_are_those_of_a_simulator_that_scans_everything(mode, given_, rate):
    tasks, agents = given_
    result = simulate(tasks, agents, failure_rates=rate, mode=mode)
    slow = Slow(tasks, agents, mode, rate)
    slow.run()
    found = [
        (it.task_id, it.agent_id, it.attempt, it.started_at, it.ended_at, it.outcome == "failed")
        for it in result.tries
    ]
    assert found == slow.tries
    for it in result.tasks:
        ended = slow.status.get(it.task_id)
        if ended is None:
            assert it.outcome in (Outcome.BLOCKED, Outcome.UNROUTABLE)
        else:
            assert it.outcome == ended


@given(workloads(), st.sampled_from([0.0, 0.3]))
@settings(max_examples=200, deadline=None)
def test_a_router_that_takes_the_first_candidate_is_the_product_s(given_, rate):
    tasks, agents = given_
    plain = simulate(tasks, agents, failure_rates=rate)
    routed = simulate(
        tasks, agents, failure_rates=rate, router=lambda task, found, now: found[0].agent_id
    )
    assert routed == plain


@given(workloads(), st.sampled_from(MODES), st.sampled_from([0.0, 0.3]))
@settings(max_examples=200, deadline=None)
def test_rules_that_hold_for_every_run(given_, mode, rate):
    tasks, agents = given_
    result = simulate(tasks, agents, failure_rates=rate, mode=mode)
    # Little's law: the queue's length over time is all the waiting together. Times are multiples of
    # a half here, so nothing is rounded.
    assert result.queue_seconds == sum(it.wait for it in result.tasks)
    assert sum(result.counts.values()) == len(tasks)
    assert sum(it.work for it in result.tasks) == sum(it.busy_seconds for it in result.agents)
    assert len(result.tries) == sum(it.completed + it.failed for it in result.agents)
    for agent, spec in zip(result.agents, agents, strict=True):
        bars = [it for it in result.tries if it.agent_id == agent.agent_id]
        assert all(0 <= it.slot < spec.max_concurrent_tasks for it in bars)
        assert 0 <= agent.utilization <= 1
        for one in bars:
            assert not any(
                one is not other
                and one.slot == other.slot
                and one.started_at < other.ended_at
                and other.started_at < one.ended_at
                for other in bars
            )
    ends = {it.task_id: it.finished for it in result.tasks if it.outcome is Outcome.COMPLETED}
    for it, spec in zip(result.tasks, tasks, strict=True):
        if it.started is not None:
            assert it.arrived <= it.ready <= it.started
            assert all(ends[other] <= it.ready for other in spec.dependencies)
            if it.tries == 1 and it.finished is not None:
                assert it.wait == it.started - it.ready


# Workflows


@st.composite
def graphs(draw_: Any) -> tuple[dict[str, list[str]], dict[str, float]]:
    """A graph without cycles, and seconds that are not round."""
    count = draw_(st.integers(1, 25))
    parents = {
        str(n): draw_(st.lists(st.integers(0, n - 1).map(str), unique=True, max_size=3))
        if n
        else []
        for n in range(count)
    }
    seconds = {key: draw_(st.floats(0, 1e4)) for key in parents}
    return parents, seconds


def document(parents: dict[str, list[str]], seconds: dict[str, float]) -> dict[str, Any]:
    rows = [
        {"id": key, "parents": parents[key], "runtimeInSeconds": seconds[key], "program": "p"}
        for key in parents
    ]
    return {"name": "generated", "workflow": {"tasks": rows}}


@given(graphs(), st.integers(1, 6), st.sampled_from(MODES))
@settings(max_examples=300, deadline=None)
def test_makespan_keeps_the_bounds_of_list_scheduling(graph, slots, mode):
    """Graham, Bounds on multiprocessing timing anomalies, SIAM J. Appl. Math. 17 (1969): at most
    work / m + (1 - 1/m) * critical path; never less than either of the two."""
    workflow = parse_workflow(document(*graph))
    path = longest_chain(*graph).weight
    work = sum(graph[1].values())
    assert simulate(workflow, unlimited(workflow), mode=mode).makespan == path
    agents = identical_agents(slots, workflow)
    makespan = simulate(workflow, agents, mode=mode).makespan
    slack = 1 + 1e-9
    assert max(path, work / slots) <= makespan * slack
    assert makespan <= (work / slots + (1 - 1 / slots) * path) * slack
    assert simulate(workflow, identical_agents(1, workflow)).makespan == pytest.approx(work)


def test_a_workflow_file(tmp_path: Path):
    path = tmp_path / "fork-join.json"
    parents = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
    path.write_text(json.dumps(document(parents, {"a": 1.5, "b": 2.25, "c": 4.0, "d": 0.5})))
    workflow = read_workflow(path)
    assert simulate(workflow, unlimited(workflow)).makespan == 6.0
    assert simulate(workflow, identical_agents(1, workflow)).makespan == 8.25
    assert {it.requirements for it in tasks_of(workflow)} == {("p",)}
    assert simulate(workflow, identical_agents(1)).unroutable == 1


def test_recorded_traces(trace: Path):
    workflow = read_workflow(trace)
    chain = longest_chain(workflow.dependencies, {it.id: it.seconds for it in workflow.steps})
    for mode in MODES:
        result = simulate(workflow, unlimited(workflow), mode=mode)
        assert result.makespan == chain.weight
        assert result.completed == len(workflow.steps)
        some = simulate(workflow, identical_agents(3, workflow), mode=mode)
        assert some.makespan >= chain.weight


# Snapshots and other graphs

START = datetime(2026, 1, 1, tzinfo=UTC)


def snapshot() -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph(kind="all", taken_at=START + timedelta(seconds=100))

    def add(key: str, second: float, status: str, **fields: Any) -> None:
        graph.add_node(
            key,
            label="Task",
            task_id=key,
            task_type=fields.pop("task_type", "kind"),
            status=status,
            priority="medium",
            requirements=["Python"],
            created_at=START + timedelta(seconds=second),
            max_retries=3,
            retry_count=fields.pop("retry_count", 0),
            on_dependency_failure="wait",
            **fields,
        )

    add("done", 0, "completed", execution_duration_ms=2_000.0)
    add("pending", 10.1, "pending", retry_count=2, available_at=START + timedelta(seconds=130))
    add("running", 20, "running", task_type="other")
    tried = {"started_at": START, "ended_at": START + timedelta(seconds=6), "outcome": "failed"}
    add("failed", 30, "failed", tries=[tried, {"started_at": START}], retry_count=3)
    add("behind", 40, "pending", unmet=1)
    graph.add_edge("pending", "done", key="DEPENDS_ON", type="DEPENDS_ON")
    graph.add_edge("behind", "failed", key="DEPENDS_ON", type="DEPENDS_ON")
    graph.add_node("skill:python", label="Skill", key="python", name="Python")
    graph.add_edge("pending", "skill:python", key="REQUIRES", type="REQUIRES")
    graph.add_node(
        "ada",
        label="Agent",
        agent_id="ada",
        capabilities=["python"],
        max_concurrent_tasks=2,
        success_rate=0.75,
        total_completed=3,
        total_failed=1,
    )
    graph.add_edge("running", "ada", key="ASSIGNED_TO:1", type="ASSIGNED_TO")
    return graph


def test_a_snapshot_is_replayed_from_its_beginning():
    graph = snapshot()
    before = copy.deepcopy(graph)
    found = {it.task_id: it for it in tasks_of(graph)}
    assert [it.arrives_at for it in found.values()] == [0.0, 10.1, 20.0, 30.0, 40.0]
    # Its own, the mean of its type (2 and 6), the mean of all, its last try, the mean of its type.
    assert [it.duration for it in found.values()] == [2.0, 4.0, 4.0, 6.0, 4.0]
    assert found["pending"].dependencies == ("done",)
    assert found["pending"].available_at is None
    assert found["pending"].max_retries == 3
    result = simulate(graph)
    assert result.completed == 5
    assert result.agents[0].success_rate == 8 / 9
    assert nx.utils.graphs_equal(graph, before)


def test_the_rest_of_a_snapshot_is_simulated_from_now():
    found = {it.task_id: it for it in tasks_of(snapshot(), live_only=True)}
    assert list(found) == ["pending", "running", "behind"]
    assert {it.arrives_at for it in found.values()} == {0.0}
    assert found["pending"].dependencies == ()
    assert found["pending"].available_at == 30.0
    assert found["pending"].max_retries == 1
    assert [it.is_held for it in found.values()] == [False, False, True]
    result = simulate(found.values(), agents_of(snapshot()))
    assert (result.completed, result.blocked) == (2, 1)
    assert result.tasks[2].reason == "waits for something that is not simulated"


def test_agents_by_their_edges():
    graph = nx.DiGraph()
    graph.add_node("ada", label="Agent")
    graph.add_node("skill:sql", label="Skill", key="sql", name="SQL")
    graph.add_edge("ada", "skill:sql", type="HAS_SKILL")
    assert agents_of(graph) == (SimulatedAgent("ada", ("sql",)),)
    with pytest.raises(ValidationError, match="no agents"):
        agents_of(nx.DiGraph())


@pytest.mark.parametrize("mode", MODES)
def test_a_graph_that_is_not_ours(mode):
    graph = nx.DiGraph([((2, "b"), 1), (frozenset({3}), 1)])
    graph.nodes[1]["cost"] = 2
    tasks = tasks_of(graph, duration=lambda key, data: data.get("cost", 1.0))
    result = simulate(tasks, unlimited(tasks), mode=mode)
    assert result.makespan == 3.0
    assert {it.task_id for it in result.tasks} == set(graph)
    for duration in (1, dict.fromkeys(graph, 1)):
        assert {it.duration for it in tasks_of(graph, duration=duration)} == {1.0}
    with pytest.raises(ValidationError, match="how long"):
        tasks_of(graph, duration="cost")
    with pytest.raises(ValidationError, match="how long"):
        tasks_of(graph)


def test_an_undirected_graph_is_refused():
    with pytest.raises(ValidationError, match="undirected"):
        tasks_of(nx.karate_club_graph(), duration=1)
    directed = nx.DiGraph(nx.karate_club_graph())
    result = simulate(tasks_of(directed, duration=1), [ONE])  # each edge is a circle of two
    assert result.blocked == 34
    assert len(result.cycles) == 1


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"created_at": datetime(2026, 1, 1)}, "time zone"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"requirements": "python"}, "give a list"),
        ({"priority": 3}, "not one of high"),
        ({"execution_duration_ms": float("nan")}, "execution_duration_ms"),
        ({"execution_duration_ms": -1}, "execution_duration_ms"),
        ({"max_retries": -1}, "max_retries"),
        ({"tries": [{"started_at": "x", "ended_at": "y"}], "execution_duration_ms": None}, "a try"),
    ],
)
def test_bad_attributes_are_named(attributes, says):
    graph = nx.DiGraph()
    graph.add_node("x", **{"execution_duration_ms": 1.0, **attributes})
    with pytest.raises(ValidationError, match=says):
        tasks_of(graph)


# Arguments, variations, tables


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
        (lambda: simulate([], [ONE], mode="both"), "'push' or 'pull'"),
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
        (lambda: compare([]), "nothing to compare"),
        (lambda: compare(simulate([], [])), "several results"),
        (lambda: compare({"a": 1}), "no result"),
    ],
)
def test_bad_arguments_are_named(build, says):
    with pytest.raises(ValidationError, match=says):
        build()


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
