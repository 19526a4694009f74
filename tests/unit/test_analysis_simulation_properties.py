"""The simulator beside a slow one that scans everything, and rules that hold for every run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_orch import (
    DependencyFailure,
    TaskPriority,
)
from graph_orch.analysis.simulation import (
    Mode,
    Outcome,
    SimulatedAgent,
    SimulatedTask,
    identical_agents,
    simulate,
    unlimited,
)
from graph_orch.analysis.simulation.draws import draw
from graph_orch.analysis.wfformat import parse_workflow
from graph_orch.domain.dag import critical_path_of

MODES = list(Mode)


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
            independent_of=draw_(
                st.just(())
                | st.sampled_from(["dependencies", "ancestors"])
                | st.lists(st.sampled_from([f"t{n}" for n in range(count)]), max_size=2)
            ),
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
            and it.agent_id not in self.worked(spec)
        ]

    def worked(self, spec: SimulatedTask) -> set[Any]:
        """Who has begun what a task is to be independent of."""
        by_id = {it.task_id: it for it in self.tasks}
        of = set(spec.independent_of)
        if of == {"dependencies"}:
            of = set(spec.dependencies)
        elif of == {"ancestors"}:
            of = set(spec.dependencies)
            while more := {o for key in of for o in by_id[key].dependencies} - of:
                of |= more
        begun = [(key, agent) for key, agent, *_ in self.tries]
        begun += [(it[2].task_id, it[3].agent_id) for it in self.running]
        return {agent for key, agent in begun if key in of}

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
@settings(max_examples=150, deadline=None)
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
@settings(max_examples=100, deadline=None)
def test_a_router_that_takes_the_first_candidate_is_the_product_s(given_, rate):
    tasks, agents = given_
    plain = simulate(tasks, agents, failure_rates=rate)
    routed = simulate(
        tasks, agents, failure_rates=rate, router=lambda task, found, now: found[0].agent_id
    )
    assert routed == plain


@given(workloads(), st.sampled_from(MODES), st.sampled_from([0.0, 0.3]))
@settings(max_examples=100, deadline=None)
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
@settings(max_examples=100, deadline=None)
def test_makespan_keeps_the_bounds_of_list_scheduling(graph, slots, mode):
    """Graham, Bounds on multiprocessing timing anomalies, SIAM J. Appl. Math. 17 (1969): at most
    work / m + (1 - 1/m) * critical path; never less than either of the two."""
    workflow = parse_workflow(document(*graph))
    path = critical_path_of(*graph).seconds
    work = sum(graph[1].values())
    assert simulate(workflow, unlimited(workflow), mode=mode).makespan == path
    agents = identical_agents(slots, workflow)
    makespan = simulate(workflow, agents, mode=mode).makespan
    slack = 1 + 1e-9
    assert max(path, work / slots) <= makespan * slack
    assert makespan <= (work / slots + (1 - 1 / slots) * path) * slack
    assert simulate(workflow, identical_agents(1, workflow)).makespan == pytest.approx(work)
