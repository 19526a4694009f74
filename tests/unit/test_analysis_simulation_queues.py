"""The simulator beside what queueing theory knows exactly.

Waits of M/M/c by the Erlang C formula and of M/D/1 by that of Pollaczek and Khinchine (Kleinrock,
Queueing Systems, volume 1, 1975, sections 3.5 and 5.6). What is measured begins when the queue no
longer remembers that it was empty; the known value must lie in the confidence interval of the
replications, and that must be narrow.
"""

from __future__ import annotations

from functools import partial
from math import factorial, isclose
from statistics import fmean

import pytest

from graph_orch.analysis.simulation import (
    Law,
    SimulatedAgent,
    SimulationResult,
    estimate,
    identical_agents,
    poisson_tasks,
    replicate,
    simulate,
)

COUNT, WARM_UP, REPLICATIONS, CONFIDENCE = 2_000, 200, 20, 0.99


def erlang_c(servers: int, load: float) -> float:
    """The probability that a task has to wait; `load` is the rate of arrivals times the mean."""
    full = load**servers / factorial(servers) * servers / (servers - load)
    return full / (sum(load**k / factorial(k) for k in range(servers)) + full)


def late_mean_wait(result: SimulationResult) -> float:
    return fmean(it.wait for it in result.tasks[WARM_UP:])


def late_share_waiting(result: SimulationResult) -> float:
    return fmean(it.wait > 0 for it in result.tasks[WARM_UP:])


MEASURES = {
    "wait": late_mean_wait,
    "waiting": late_share_waiting,
    "utilization": lambda result: result.utilization,
}


def measured(agents, rate: float, law: Law, mode: str, seed: int, count: int = COUNT):
    make = partial(poisson_tasks, count, rate, 1.0, law=law)
    return replicate(
        REPLICATIONS,
        lambda seed: make(seed=seed),
        agents,
        seed=seed,
        confidence=CONFIDENCE,
        measures=MEASURES,
        mode=mode,
    )


@pytest.mark.parametrize(
    ("servers", "rate", "mode", "seed", "count"),
    [
        (1, 0.6, "push", 1, COUNT),
        (3, 2.1, "push", 2, COUNT),
        (3, 2.1, "pull", 3, COUNT),
        (8, 6.4, "push", 4, 2 * COUNT),  # fewer have to wait
    ],
)
def test_mmc_waits_by_erlang_c(servers, rate, mode, seed, count):
    found = measured(identical_agents(servers), rate, Law.EXPONENTIAL, mode, seed, count)
    delayed = erlang_c(servers, rate)
    wait = delayed / (servers - rate)
    assert wait in found["wait"]
    assert found["wait"].half_width < 0.25 * wait
    assert delayed in found["waiting"]
    assert found["waiting"].half_width < 0.06
    assert rate / servers in found["utilization"]
    assert found["utilization"].half_width < 0.02


def test_erlang_c_of_one_server_is_its_load():
    assert erlang_c(1, 0.6) == pytest.approx(0.6)


def test_slots_of_one_agent_are_servers_too():
    tasks = poisson_tasks(2_000, 2.1, 1.0, seed=5)
    apart = simulate(tasks, identical_agents(3))
    together = simulate(tasks, [SimulatedAgent("a", (), 3)])
    assert [it.wait for it in apart.tasks] == [it.wait for it in together.tasks]


def test_md1_waits_by_pollaczek_and_khinchine():
    rate = 0.7
    found = measured(identical_agents(1), rate, Law.CONSTANT, "push", 6)
    wait = rate / (2 * (1 - rate))  # rate * E[S²] / (2 * (1 - load)), with S = 1
    assert wait in found["wait"]
    assert found["wait"].half_width < 0.15 * wait
    exponential = rate / (1 - rate)
    assert exponential not in found["wait"]


def test_failures_that_are_tried_again_are_load_too():
    # A try fails with probability p, and so a task takes 1 / (1 - p) tries on average.
    tasks = poisson_tasks(20_000, 1.0, 1.0, max_retries=1_000, seed=7)
    result = simulate(tasks, identical_agents(4), failure_rates=0.25, seed=7)
    assert result.completed == 20_000
    assert len(result.tries) / 20_000 == pytest.approx(1 / 0.75, rel=0.02)
    assert result.utilization == pytest.approx(1 / 0.75 / 4, rel=0.04)


@pytest.mark.parametrize("mode", ["push", "pull"])
def test_littles_law(mode):
    tasks = poisson_tasks(3_000, 2.7, 1.0, seed=8)
    result = simulate(tasks, identical_agents(3), mode=mode, failure_rates=0.05)
    rate = len(tasks) / (result.ended_at - result.started_at)
    mean_wait = result.total_wait_seconds / len(tasks)
    assert isclose(result.mean_queue_length, rate * mean_wait, rel_tol=1e-9)


def test_confidence_interval_by_students_t():
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.mean == 3.0
    assert found.deviation == pytest.approx(2.5**0.5)
    assert found.half_width == pytest.approx(2.776445 * (2.5 / 5) ** 0.5)  # t(0.975, 4)
    assert 3.0 in found
    assert 5.0 not in found
    assert estimate([2.0, 2.0]).half_width == 0


def test_intervals_cover_as_often_as_they_say():
    covers = [
        1.0
        in estimate([it.duration for it in poisson_tasks(40, 1.0, 1.0, seed=seed)], confidence=0.8)
        for seed in range(400)
    ]
    assert 0.72 < fmean(covers) < 0.86  # a little less than 0.8: durations are skew


def test_replications_differ_and_are_reproducible():
    tasks = poisson_tasks(100, 1.0, 1.0)
    first = replicate(3, tasks, identical_agents(1), seed=1, failure_rates=0.3)
    again = replicate(3, tasks, identical_agents(1), seed=1, failure_rates=0.3)
    other = replicate(3, tasks, identical_agents(1), seed=2, failure_rates=0.3)
    assert first == again
    assert first.values["tries"] != other.values["tries"]
    assert len(set(first.seeds) | set(other.seeds)) == 6
    frame = first.to_frame()
    assert frame.loc["tries", "mean"] == fmean(first.values["tries"])
    assert frame.loc["completed", "count"] == 3
    with pytest.raises(KeyError):
        first["no such measure"]


def test_arrivals_do_not_change_with_the_durations():
    short, long = (poisson_tasks(50, 2.0, mean, seed=9) for mean in (1.0, 3.0))
    assert [it.arrives_at for it in short] == [it.arrives_at for it in long]
    assert long[0].duration == pytest.approx(3 * short[0].duration)
    assert {it.duration for it in poisson_tasks(50, 2.0, 4.0, law="constant")} == {4.0}
    assert poisson_tasks(0, 1.0, 1.0) == ()
