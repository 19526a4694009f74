"""When given agents can be done with a graph of tasks: list scheduling."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, cast

import networkx as nx

from graph_orch.analysis.checks import node, several, shown, texts
from graph_orch.analysis.checks import whole as whole_number
from graph_orch.analysis.model import Given, Model, TaskGraph, graph_of
from graph_orch.analysis.nodes import agents_of, by_name, keys_of
from graph_orch.domain.dag import dependents_of, depths_from, run_order
from graph_orch.domain.durations import Duration
from graph_orch.domain.models import Agent
from graph_orch.domain.scheduling import (
    AgentSlots,
    Lane,
    ListScheduling,
    Planned,
    served_by,
    ways_to_the_end,
)
from graph_orch.errors import ValidationError

Agents: TypeAlias = "Iterable[Agent | AgentSlots] | Mapping[Any, Any] | Given"
"""Agents as a caller may give them, see `earliest_finish`."""


class Bound(NamedTuple):
    """What no schedule can be faster than, and why.

    `kind` is "span" (the critical path), "slots" (all work over all slots) or "skills" (the work
    that needs `skills`, over the slots of the agents that have them).
    """

    seconds: float
    kind: str
    skills: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A schedule, and how good it can be at best.

    `tasks` come by start. `bounds` are the least that any schedule takes, the tightest first; the
    best one lies between `lower_bound` and `makespan`. `unassignable` has the tasks that no agent
    can do, with those of their skills that nobody has (none: nobody has all, or may), and
    `held_up` those that depend on them: neither are in the schedule, nor in the bounds.
    """

    makespan: float
    tasks: list[Planned]
    bounds: list[Bound]
    slots: int
    guarantee: float | None
    unassignable: dict[Any, list[str]]
    held_up: list[Any]

    @property
    def lower_bound(self) -> float:
        """No schedule is faster."""
        return self.bounds[0].seconds if self.bounds else 0.0

    @property
    def bottleneck(self) -> Bound | None:
        """What keeps any schedule from being faster."""
        return self.bounds[0] if self.bounds else None

    @property
    def bottleneck_skill(self) -> str | None:
        """The skill with the most work for each slot of those who have it."""
        single = [it for it in self.bounds if it.kind == "skills" and len(it.skills) == 1]
        return single[0].skills[0] if single else None

    @property
    def ratio(self) -> float:
        """makespan / lower_bound: at most so many times as long as the best schedule."""
        return self.makespan / self.lower_bound if self.lower_bound else 1.0


def earliest_finish(
    graph: Given,
    agents: Agents | None = None,
    duration: Duration = "estimated",
    *,
    remaining: bool = False,
) -> Plan:
    """When some agents can be done, by list scheduling: whenever a slot is free, the next task.

    The next is the one with the longest chain of work from its start to the end of the whole
    (HLFET, highest level first with estimated times: Adam, Chandy and Dickson 1974), ties by str.
    It goes to the free agent that can do it, and the fewest other kinds of tasks. Skills and
    `excluded_agents` are a hard filter. All slots are free at the start, and concurrency limits
    are not seen.

    The best schedule is NP-hard to find. Where every agent can do every task, this one takes at
    most `guarantee` = 2 - 1/slots times as long as the best (Graham 1969). Where skills divide
    them, there is no such constant (`guarantee` is None), and `ratio` bounds this schedule; with k
    kinds of agents that share no skill, a list schedule takes at most
    k + 1 - 1/(slots of the largest kind) times as long (Liu and Liu 1974).

    Args:
        graph: Edges go from a task to what it depends on.
        agents: A list of `Agent` or `AgentSlots`; a mapping of ids to lists of skills (one slot
            each), or to {"capabilities": …, "max_concurrent_tasks": …}; a graph that holds agents.
            None: those of `graph`.
        duration: How long a task takes, see `Durations`, whoever does it.
        remaining: Without the tasks that have ended.

    Raises:
        ValidationError: the graph has a cycle, or agents are not as above; or see `TaskGraph`.
    """
    whole = TaskGraph.of(graph)
    chosen = whole.chosen(remaining=remaining)
    dependencies, seconds = chosen.dependencies, whole.seconds(duration, chosen)
    crew = [it for it in _crew(whole, agents) if it.slots > 0]
    lanes = {key: (one.skills, one.excluded_agents) for key, one in chosen.tasks.items()}
    serving = served_by(crew, set(lanes.values()))
    held = frozenset(skill for agent in crew for skill in agent.skills)
    impossible = {key: sorted(lanes[key][0] - held) for key in lanes if not serving[lanes[key]]}
    order = run_order(dependencies)
    dependents = dependents_of(dependencies)
    held_up = [key for key in depths_from(impossible, dependents) if key not in impossible]
    left_out = {*impossible, *held_up}
    kept = {key: dependencies[key] for key in order if key not in left_out}
    levels = ways_to_the_end(kept, seconds)
    tasks = ListScheduling(crew, lanes, serving, kept, seconds, levels).schedule()
    slots = sum(it.slots for it in crew)
    everybody_can = all(len(serving[lanes[key]]) == len(crew) for key in kept)
    return Plan(
        makespan=max((it.end for it in tasks), default=0.0),
        tasks=tasks,
        bounds=_bounds(kept, seconds, lanes, crew, max(levels.values(), default=0.0)),
        slots=slots,
        guarantee=2 - 1 / slots if slots and everybody_can else None,
        unassignable=impossible,
        held_up=sorted(held_up, key=str),
    )


def _crew(graph: TaskGraph, agents: Agents | None) -> tuple[AgentSlots, ...]:
    """The agents by id, however they are given.

    Raises:
        ValidationError: they are given otherwise, or one is there twice.
    """
    if agents is None:
        return graph.known_agents()
    if isinstance(agents, nx.Graph | Model):
        found = agents_of(graph_of(cast(Given, agents)))
        if found is None:
            raise ValidationError('this graph holds no agents: take snapshot(orch, "all")')
        return found
    if isinstance(agents, Mapping):
        rows = [_described(key, it) for key, it in cast(Mapping[Any, object], agents).items()]
    else:
        rows = [_one(it) for it in several("agents", agents)]
    if len({it.agent_id for it in rows}) < len(rows):
        raise ValidationError("agents: two of them have the same id")
    return tuple(sorted(rows, key=lambda it: by_name(it.agent_id)))


def _described(agent_id: Any, given: object) -> AgentSlots:
    if not isinstance(given, Mapping):
        return _slots(agent_id, given, 1)
    told = cast(Mapping[str, object], given)
    return _slots(agent_id, told.get("capabilities", ()), told.get("max_concurrent_tasks", 1))


def _one(given: object) -> AgentSlots:
    if isinstance(given, Agent):
        return _slots(given.agent_id, given.skills, given.max_concurrent_tasks)
    if isinstance(given, AgentSlots):
        return _slots(given.agent_id, given.skills, given.slots)
    raise ValidationError(
        f"agents: {shown(given)} is neither an Agent nor an AgentSlots; or give a mapping of ids "
        "to skills"
    )


def _slots(agent_id: Any, skills: object, slots: object) -> AgentSlots:
    name = f"agent {shown(agent_id)}"
    return AgentSlots(
        node("the id of an agent", agent_id),
        keys_of(texts(f"the skills of {name}", skills)),
        whole_number(f"the number of slots of {name}", slots),
    )


def _bounds(
    dependencies: Mapping[Any, Collection[Any]],
    seconds: Mapping[Any, float],
    lanes: Mapping[Any, Lane],
    crew: Sequence[AgentSlots],
    span: float,
) -> list[Bound]:
    if not dependencies:
        return []
    work: dict[frozenset[str], float] = {}
    slots: dict[frozenset[str], int] = {}
    for key in dependencies:
        needed = lanes[key][0]
        for skills in {needed, *(frozenset([skill]) for skill in needed)}:
            work[skills] = work.get(skills, 0.0) + seconds[key]
    for skills in work:
        slots[skills] = sum(it.slots for it in crew if skills <= it.skills)
    bounds = [
        Bound(work[skills] / slots[skills], "skills", tuple(sorted(skills)))
        for skills in work
        if skills
    ]
    total = sum(seconds[key] for key in dependencies) / sum(it.slots for it in crew)
    bounds.append(Bound(total, "slots"))
    bounds.append(Bound(span, "span"))
    order = ("span", "slots", "skills")
    return sorted(bounds, key=lambda it: (-it.seconds, order.index(it.kind), len(it.skills), it))
