"""The simulation itself: simpy keeps the time, and the rules are those of the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import simpy

from graph_orch.analysis.checks import number, shown
from graph_orch.analysis.simulation.draws import draw
from graph_orch.analysis.simulation.ready import (
    Lanes,
    Limit,
    Ready,
    WaitingTask,
    WorkingAgent,
    crews_of,
)
from graph_orch.analysis.simulation.results import Outcome, Try
from graph_orch.analysis.simulation.workload import SimulatedAgent, SimulatedTask
from graph_orch.domain.lifecycle import DependencyFailure, TaskPriority
from graph_orch.domain.models import RetryPolicy
from graph_orch.domain.models.base import EPOCH

RANKS = {priority: priority.rank for priority in TaskPriority}

FailureRate = Callable[[SimulatedTask, Hashable], float]
"""The probability that a try of a task by an agent fails."""


@dataclass(frozen=True)
class Rules:
    """What a simulation goes by, beside its tasks and agents."""

    seed: int
    failure_rate: FailureRate | None
    retry_policy: RetryPolicy
    limits: Mapping[str, int]
    aging_seconds: float | None


class Dispatcher(Protocol):
    """Who chooses what is done next, and by whom."""

    def choose(self, ready: Ready, now: float) -> tuple[WaitingTask, WorkingAgent] | None:
        """Take a ready task out and choose a free agent that can do it; None: nothing to do."""
        ...

    def settle(self, ready: Ready) -> None:
        """All has been chosen that can be at this moment."""
        ...


class Engine:
    """One run. Whatever happens at one moment has happened before anything is given out."""

    def __init__(
        self,
        tasks: Sequence[SimulatedTask],
        agents: Sequence[SimulatedAgent],
        rules: Rules,
        place: Callable[[WorkingAgent], Any],
    ) -> None:
        self.rules = rules
        self.env = simpy.Environment(initial_time=0.0)
        self.agents = _working(agents)
        singled_out = {name for task in tasks for name in task.excluded_agents}
        if any(task.independent_of for task in tasks):
            singled_out.update(agent.agent_id for agent in agents)
        self._heeds_ancestors = any(task.independent_of == ("ancestors",) for task in tasks)
        crews = crews_of(self.agents, singled_out, place)
        limits = _limits(rules.limits)
        self.lanes = Lanes(crews, limits)
        self.tasks = self._waiting(tasks)
        self._by_id = {task.spec.task_id: task for task in self.tasks}
        for task in self.tasks:
            for name in task.spec.independent_of:
                if name in self._by_id:
                    self._by_id[name].namers.append(task)
        self.ready = Ready(crews)
        self.tries: list[Try] = []
        self.queue: list[tuple[float, int]] = []
        self.ended_at = 0.0
        self._given = 0

    def run(self, dispatcher: Dispatcher) -> None:
        """Until nothing is left that could happen."""
        self._schedule_arrivals()
        env = self.env
        while (at := env.peek()) != float("inf"):
            env.step()
            if env.peek() > at:
                self._give_out(dispatcher)
        self._leave()

    def _waiting(self, tasks: Sequence[SimulatedTask]) -> list[WaitingTask]:
        aging = self.rules.aging_seconds
        found = [
            WaitingTask(
                index, task, (_rank(task, aging), task.arrives_at, index), self.lanes.of(task)
            )
            for index, task in enumerate(tasks)
        ]
        by_id = {task.spec.task_id: task for task in found}
        for task in found:
            for other in task.spec.dependencies:
                by_id[other].dependents.append(task)
        return found

    def _schedule_arrivals(self) -> None:
        """One event for each moment at which tasks arrive, and one for each that is held back."""
        arrivals: dict[float, list[WaitingTask]] = defaultdict(list)
        for task in self.tasks:
            arrivals[task.spec.arrives_at].append(task)
        for at, together in arrivals.items():
            self._at(at, self._arrive, together)
        for task in self.tasks:
            at = task.spec.available_at
            if at is not None and at > task.spec.arrives_at:
                self._at(at, self._look, task)

    def _at(self, delay: float, then: Callable[[Any], None], what: object) -> None:
        event: Any = self.env.timeout(delay, what)  # simpy types its callbacks with no argument
        event.callbacks.append(lambda done: then(done.value))  # pyright: ignore

    def _arrive(self, tasks: list[WaitingTask]) -> None:
        for task in tasks:
            task.arrived = True
        for task in tasks:
            if task.reason is not None and task.outcome is None:  # a dependency failed before
                self._cancel_dependents(self._cancelled(task))
            self._look(task)
        self.ended_at = self.env.now

    def _look(self, task: WaitingTask) -> None:
        """The task is ready, unless something holds it back."""
        now = self.env.now
        at = task.spec.available_at
        if not task.arrived or task.unmet or task.spec.is_held or task.outcome is not None:
            return
        if task.ready_since is None and (at is None or at <= now):
            self._queue(task)

    def _queue(self, task: WaitingTask) -> None:
        task.ready_since = self.env.now
        if task.ready is None:
            task.ready = task.ready_since
        if task.spec.independent_of:
            task.lane = self.lanes.of(task.spec, self._barred(task))
        self.ready.put(task)
        self.ended_at = self.env.now

    def _barred(self, task: WaitingTask) -> frozenset[Hashable]:
        """Who has begun what a ready task is to be independent of."""
        match task.spec.independent_of:
            case ("ancestors",):
                found = [task.behind]
            case ("dependencies",):
                found = [self._by_id[other].workers for other in task.spec.dependencies]
            case names:
                found = [self._by_id[name].workers for name in names if name in self._by_id]
        return frozenset[Hashable]().union(*found)

    def _give_out(self, dispatcher: Dispatcher) -> None:
        now = self.env.now
        while (chosen := dispatcher.choose(self.ready, now)) is not None:
            self._begin(*chosen)
        dispatcher.settle(self.ready)
        if not self.queue or self.queue[-1][1] != self.ready.size:
            self.queue.append((now, self.ready.size))

    def _begin(self, task: WaitingTask, agent: WorkingAgent) -> None:
        now = self.env.now
        task.wait += now - cast(float, task.ready_since)
        task.ready_since = None
        if task.started is None:
            task.started = now
        task.tries += 1
        task.agent_id = agent.spec.agent_id
        agent.last = self._given
        self._given += 1
        slot = self.ready.occupy(agent, task.lane)
        if agent.spec.agent_id not in task.workers:
            task.workers |= {agent.spec.agent_id}
            for other in task.namers:
                if other.ready_since is not None:
                    self.ready.move(other, self.lanes.of(other.spec, self._barred(other)))
        self._at(task.spec.duration / agent.spec.speed, self._end, (task, agent, slot, now))

    def _end(self, work: tuple[WaitingTask, WorkingAgent, int, float]) -> None:
        task, agent, slot, started = work
        now = self.ended_at = self.env.now
        failed = self._fails(task, agent)
        _count(agent, failed, now - started)
        task.work += now - started
        self.ready.vacate(agent, slot, task.lane)
        outcome = Outcome.FAILED if failed else Outcome.COMPLETED
        self.tries.append(
            Try(task.spec.task_id, task.agent_id, task.tries, slot, started, now, outcome)
        )
        if failed:
            self._fail(task)
        else:
            self._complete(task)

    def _fails(self, task: WaitingTask, agent: WorkingAgent) -> bool:
        rules = self.rules
        if rules.failure_rate is None:
            return False
        rate = number(
            f"the failure rate of task {shown(task.spec.task_id)}",
            rules.failure_rate(task.spec, agent.spec.agent_id),
            0,
            1,
        )
        return rate > 0 and draw(rules.seed, "failure", task.spec.task_id, task.tries) < rate

    def _complete(self, task: WaitingTask) -> None:
        task.outcome, task.finished = Outcome.COMPLETED, self.env.now
        for other in task.dependents:
            if self._heeds_ancestors:
                other.behind |= task.behind | task.workers
            other.unmet -= 1
            self._look(other)

    def _fail(self, task: WaitingTask) -> None:
        policy = task.spec.retry_policy or self.rules.retry_policy
        most = task.spec.max_retries
        if task.retries >= (policy.max_retries if most is None else most):
            task.outcome, task.finished = Outcome.FAILED, self.env.now
            self._cancel_dependents(task)
            return
        delay = pause(policy, task.retries, self._jitter(task))
        task.retries += 1
        if delay > 0:
            self._at(delay, self._queue, task)
        else:
            self._queue(task)

    def _jitter(self, task: WaitingTask) -> float:
        return 2 * draw(self.rules.seed, "jitter", task.spec.task_id, task.tries) - 1

    def _cancel_dependents(self, task: WaitingTask) -> None:
        causes = [task]
        while causes:
            cause = causes.pop()
            for other in cause.dependents:
                if other.spec.on_dependency_failure is not DependencyFailure.CANCEL:
                    continue
                if other.outcome is None and other.reason is None:
                    name = shown(cause.spec.task_id)
                    other.reason = f"dependency {name} failed or was cancelled"
                    if other.arrived:
                        causes.append(self._cancelled(other))

    def _cancelled(self, task: WaitingTask) -> WaitingTask:
        task.outcome, task.finished = Outcome.CANCELLED, self.env.now
        return task

    def _leave(self) -> None:
        """Whatever is not finished never will be."""
        for task in self.tasks:
            if task.outcome is not None:
                continue
            if task.ready_since is None:
                task.outcome = Outcome.BLOCKED
                continue
            task.wait += self.ended_at - task.ready_since
            task.outcome = Outcome.REFUSED if task.lane.crews else Outcome.UNROUTABLE


def pause(policy: RetryPolicy, retries: int, jitter: float) -> float:
    """Seconds before retry number `retries` (from 0); `jitter` is from -1 to 1."""
    if not policy.initial_seconds:
        return 0.0
    try:
        delay = policy.initial_seconds * policy.multiplier**retries
    except OverflowError:
        delay = policy.max_seconds
    return min(delay, policy.max_seconds) * (1 + policy.jitter * jitter)


def _count(agent: WorkingAgent, failed: bool, took: float) -> None:
    """The agent's history, as the store keeps it."""
    agent.busy += took
    agent.failed += failed
    agent.new_failed += failed
    agent.done += not failed
    agent.new_completed += not failed
    agent.success_rate = agent.done / (agent.done + agent.failed)


def _rank(task: SimulatedTask, aging_seconds: float | None) -> float:
    if aging_seconds is None:
        return RANKS[task.priority]
    return task.arrives_at + RANKS[task.priority] * aging_seconds


def _working(agents: Sequence[SimulatedAgent]) -> list[WorkingAgent]:
    """The agents, and in which order they were last given a task; never is long ago."""
    moments = sorted({agent.last_assigned_at or EPOCH for agent in agents})
    order = {moment: place - len(moments) for place, moment in enumerate(moments)}
    return [
        WorkingAgent(index, agent, order[agent.last_assigned_at or EPOCH])
        for index, agent in enumerate(agents)
    ]


def _limits(given: Mapping[str, int]) -> Callable[[str], Limit]:
    """The limit of a concurrency key: 1 unless it is given, as in the store."""
    made: dict[str, Limit] = {}

    def of(key: str) -> Limit:
        if key not in made:
            made[key] = Limit(given.get(key, 1))
        return made[key]

    return of
