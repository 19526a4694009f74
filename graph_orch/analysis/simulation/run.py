"""`simulate`: what a workload would take with other agents, routers, capacities or failures."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from enum import StrEnum
from typing import TypeAlias, cast

import networkx as nx

from graph_orch.analysis.checks import member, number, shown, whole
from graph_orch.analysis.model import Given, Model
from graph_orch.analysis.simulation.dispatch import ByClaims, ByQuality, ByRouter, Router
from graph_orch.analysis.simulation.engine import Dispatcher, Engine, FailureRate, Rules
from graph_orch.analysis.simulation.outcomes import result_of
from graph_orch.analysis.simulation.ready import WorkingAgent
from graph_orch.analysis.simulation.recorded import Agents, Workload, agents_of, tasks_of
from graph_orch.analysis.simulation.results import SimulationResult
from graph_orch.analysis.simulation.workload import SimulatedAgent, checked_agents
from graph_orch.domain.models import RetryPolicy
from graph_orch.errors import ValidationError

FailureRates: TypeAlias = float | Mapping[Hashable, float] | FailureRate | None


class Mode(StrEnum):
    """Who brings tasks and agents together."""

    PUSH = "push"  # the router: the best ready task goes to the best agent
    PULL = "pull"  # the agents: each claims the best ready task that it can do


def simulate(
    workload: Workload,
    agents: Agents | None = None,
    *,
    router: Router | None = None,
    failure_rates: FailureRates = None,
    seed: int = 0,
    mode: Mode | str = Mode.PUSH,
    retry_policy: RetryPolicy | None = None,
    concurrency_limits: Mapping[str, int] | None = None,
    aging_seconds: float | None = None,
) -> SimulationResult:
    """Run a workload through simulated agents by the rules of the store.

    Ready tasks are served by priority, then first come first served (`aging_seconds` as in
    `set_aging`). Candidates have all skills and a free slot; the best by success_rate *
    (1 - utilization) is chosen, ties go to whoever was given a task least recently, then to the
    lower agent_id. What happens at one moment has all happened before anything is given out.

    Args:
        workload: a `Workflow`, a snapshot of kind "tasks" or "all", any DiGraph with edges from a
            task to what it depends on, or `SimulatedTask`s. See `tasks_of`.
        agents: simulated agents, agents of the store, or a snapshot that holds agents; None: those
            of the workload's snapshot.
        router: chooses in place of the product's rule (mode "push" only).
        failure_rates: the probability that a try fails, at its end: for all, by agent_id (0 where
            it is not named), or (task, agent_id) -> probability. None: nothing fails.
        seed: what is drawn at random depends on it, on the task's id and on the try alone, so that
            other agents meet the same luck.
        mode: "push" or "pull".
        retry_policy: for tasks that have none of their own. None: three retries, at once.
        concurrency_limits: how many tasks with a concurrency key may be held; 1 if not named.

    Raises:
        ValidationError: an argument is not acceptable.
        RoutingError: the router chose an agent that does not exist, lacks a skill or is full.
    """
    chosen = member("mode", mode, Mode)
    if router is not None and chosen is Mode.PULL:
        raise ValidationError("agents that pull need no router; leave it out, or use mode='push'")
    crew = _agents(workload, agents)
    if router is not None and not callable(router):
        raise ValidationError(f"router is {shown(router)}; give a function, or None")
    rules = Rules(
        whole("seed", seed, 0, 2**64 - 1),
        _failure_rate(failure_rates, crew),
        _policy(retry_policy),
        _limits(concurrency_limits),
        None if aging_seconds is None else number("aging_seconds", aging_seconds),
    )
    place = WorkingAgent.by_recency if chosen is Mode.PULL else WorkingAgent.by_quality
    engine = Engine(tasks_of(workload), crew, rules, place)
    engine.run(_dispatcher(chosen, router, engine))
    return result_of(engine, chosen)


def _dispatcher(mode: Mode, router: Router | None, engine: Engine) -> Dispatcher:
    if mode is Mode.PULL:
        return ByClaims()
    return ByQuality() if router is None else ByRouter(router, engine.agents)


def _agents(workload: Workload, agents: Agents | None) -> tuple[SimulatedAgent, ...]:
    found = workload if agents is None else agents
    if isinstance(found, nx.Graph | Model):
        return agents_of(cast(Given, found))
    if agents is None:
        raise ValidationError(
            "the workload says nothing of agents; give `agents`: identical_agents(…), or a list"
        )
    return checked_agents(cast(Iterable[SimulatedAgent], agents))


def _policy(policy: object) -> RetryPolicy:
    if policy is None:
        return RetryPolicy()
    if not isinstance(policy, RetryPolicy):
        raise ValidationError(f"retry_policy is {shown(policy)}; give a RetryPolicy")
    return policy


def _limits(limits: object) -> dict[str, int]:
    if not isinstance(limits, Mapping | None):
        raise ValidationError(f"concurrency_limits is {shown(limits)}; give a mapping of keys")
    return {
        key: whole(f"the limit of concurrency key {shown(key)}", limit, 1)
        for key, limit in cast(Mapping[str, object], limits or {}).items()
    }


def _failure_rate(given: FailureRates, agents: tuple[SimulatedAgent, ...]) -> FailureRate | None:
    if given is None:
        return None
    if callable(given):
        return given
    if not isinstance(given, Mapping):
        rate = number("failure_rates", given, 0, 1)
        return lambda task, agent_id: rate
    rates = {
        key: number(f"the failure rate of agent {shown(key)}", rate, 0, 1)
        for key, rate in given.items()
    }
    if unknown := set(rates) - {agent.agent_id for agent in agents}:
        raise ValidationError(
            f"failure_rates names {shown(min(map(str, unknown)))}, which is no agent; "
            "name agents by agent_id, or give one number for all"
        )
    return lambda task, agent_id: rates.get(agent_id, 0.0)
