"""The simulator: the store's rules, on workloads small enough to reckon by hand."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_orch import (
    Candidate,
    DependencyFailure,
    RetryPolicy,
    RoutingError,
    TaskPriority,
)
from graph_orch.analysis.simulation import (
    Mode,
    Outcome,
    SimulatedAgent,
    SimulatedTask,
    SimulationResult,
    identical_agents,
    observed_failure_rates,
    simulate,
)
from graph_orch.analysis.simulation.draws import draw
from graph_orch.analysis.simulation.engine import pause

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


@pytest.mark.parametrize("mode", MODES)
def test_who_did_it_in_this_run_may_not_judge_it(mode):
    """It is known when the review becomes ready, and of what it names also while it waits."""
    agents = [SimulatedAgent(key, max_concurrent_tasks=1) for key in ("ada", "bob")]
    chain = [
        task("write"),
        task("edit", dependencies=["write"], independent_of="dependencies"),
        task("judge", dependencies=["edit"], independent_of="ancestors"),
    ]
    result = simulate(chain, agents, mode=mode)
    assert [it.agent_id for it in result.tasks] == ["ada", "bob", None]
    assert result.tasks[2].outcome is Outcome.UNROUTABLE
    assert "independent" in result.tasks[2].reason
    named = [
        task("long", duration=9.0),
        task("write", priority="low"),
        task("judge", priority="low", independent_of=["write", "somewhere else"]),
    ]
    result = simulate(named, agents, mode=mode)
    write, judge = result.tasks[1:]
    assert (write.agent_id, judge.agent_id, judge.started) == ("bob", "ada", 9.0)


def test_router_that_chooses_a_writer_as_reviewer_is_refused():
    agents = [SimulatedAgent("ada"), SimulatedAgent("bob")]
    tasks = [task("write"), task("judge", dependencies=["write"], independent_of="ancestors")]
    with pytest.raises(RoutingError, match="it worked on what the task is to be independent of"):
        simulate(tasks, agents, router=lambda *_: "ada")


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
