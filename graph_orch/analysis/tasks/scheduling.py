"""When given agents can be done with a graph of tasks: list scheduling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from graph_orch.analysis.tasks.agents import AgentSlots, agents_given, keys_of
from graph_orch.analysis.tasks.attributes import excluded_from, shown
from graph_orch.analysis.tasks.graph import Duration, Facts, chosen, durations
from graph_orch.domain.precedence import depths_from, run_order

Lane = tuple[frozenset[str], frozenset[str]]
"""The skills that a task needs, and the agents that may not do it."""


class Planned(NamedTuple):
    """A task in a schedule, in seconds after its start."""

    task_id: Any
    agent_id: str
    start: float
    end: float


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
    graph: object,
    agents: object = None,
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
        duration: How long a task takes, see `Duration`, whoever does it.
        remaining: Without the tasks that have ended.

    Raises:
        ValidationError: the graph cannot hold tasks, or has a cycle; agents are not as above.
    """
    facts, dependencies = chosen(graph, None, remaining)
    seconds = durations(graph, facts, duration)
    crew = [it for it in agents_given(graph if agents is None else agents) if it.slots > 0]
    lanes = {key: _lane(key, one) for key, one in facts.items()}
    serving = _serving(crew, set(lanes.values()))
    held = frozenset(skill for agent in crew for skill in agent.skills)
    impossible = {key: sorted(lanes[key][0] - held) for key in facts if not serving[lanes[key]]}
    order = run_order(dependencies)
    dependents = _dependents(dependencies, facts)
    held_up = [key for key in depths_from(impossible, dependents) if key not in impossible]
    left_out = {*impossible, *held_up}
    kept = {key: dependencies[key] for key in order if key not in left_out}
    levels = _levels(kept, dependents, seconds)
    tasks = _Run(crew, lanes, serving, kept, seconds, levels).schedule()
    slots = sum(it.slots for it in crew)
    return Plan(
        makespan=max((it.end for it in tasks), default=0.0),
        tasks=tasks,
        bounds=_bounds(kept, seconds, lanes, crew, max(levels.values(), default=0.0)),
        slots=slots,
        guarantee=_guarantee(crew, {lanes[key] for key in kept}, serving, slots),
        unassignable=impossible,
        held_up=sorted(held_up, key=str),
    )


def _lane(key: Any, one: Mapping[str, Any]) -> Lane:
    return keys_of(one.get("requirements"), f"task {shown(key)}"), excluded_from(key, one)


def _serving(crew: Sequence[AgentSlots], lanes: Collection[Lane]) -> dict[Lane, list[int]]:
    """The places of the agents that can do each lane's tasks, those that serve the fewest first."""
    serving = {
        (needed, excluded): [
            at for at, it in enumerate(crew) if needed <= it.skills and it.agent_id not in excluded
        ]
        for needed, excluded in lanes
    }
    served = Counter(at for places in serving.values() for at in places)
    return {
        lane: sorted(places, key=lambda at: (served[at], at)) for lane, places in serving.items()
    }


def _dependents(dependencies: Mapping[Any, Iterable[Any]], keys: Facts) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {key: [] for key in keys}
    for key, others in dependencies.items():
        for other in others:
            found[other].append(key)
    return found


class _Run:
    """One run of the clock: from each moment at which a slot is free to the next."""

    def __init__(
        self,
        crew: Sequence[AgentSlots],
        lanes: Mapping[Any, Lane],
        serving: Mapping[Lane, list[int]],
        dependencies: Mapping[Any, Collection[Any]],
        seconds: Mapping[Any, float],
        levels: Mapping[Any, float],
    ) -> None:
        self._crew = crew
        self._lanes = lanes
        self._serving = serving
        self._seconds = seconds
        self._free = [it.slots for it in crew]
        self._waiting = {key: len(others) for key, others in dependencies.items()}
        self._dependents: dict[Any, list[Any]] = {key: [] for key in dependencies}
        for key, others in dependencies.items():
            for other in others:
                self._dependents[other].append(key)
        self._by_place = sorted(levels, key=lambda key: (-levels[key], str(key)))
        self._place = {key: place for place, key in enumerate(self._by_place)}
        self._ready: dict[Lane, list[int]] = {lane: [] for lane in serving}
        self._served: list[list[Lane]] = [[] for _ in crew]
        for lane, places in serving.items():
            for at in places:
                self._served[at].append(lane)
        self._running: list[tuple[float, int, int]] = []  # end, place of the task, of the agent
        self._done: list[Planned] = []

    def schedule(self) -> list[Planned]:
        """The tasks in the order in which they start."""
        lanes = {self._add(key) for key, count in self._waiting.items() if not count}
        self._start(0.0, lanes)
        while self._running:
            now = self._running[0][0]
            self._start(now, self._end(now))
        return self._done

    def _add(self, key: Any) -> Lane:
        lane = self._lanes[key]
        heappush(self._ready[lane], self._place[key])
        return lane

    def _end(self, now: float) -> set[Lane]:
        """End what ends now; the lanes in which something may begin by that."""
        lanes: set[Lane] = set()
        while self._running and self._running[0][0] == now:
            _, place, agent = heappop(self._running)
            if not self._free[agent]:
                lanes.update(lane for lane in self._served[agent] if self._ready[lane])
            self._free[agent] += 1
            for other in self._dependents[self._by_place[place]]:
                self._waiting[other] -= 1
                if not self._waiting[other]:
                    lanes.add(self._add(other))
        return lanes

    def _start(self, now: float, lanes: Iterable[Lane]) -> None:
        """Start what can start, the most urgent first; a lane whose agents are all busy waits."""
        heads = [(self._ready[lane][0], at, lane) for at, lane in enumerate(lanes)]
        heapify(heads)
        while heads:
            place, at, lane = heappop(heads)
            agent = next((it for it in self._serving[lane] if self._free[it]), None)
            if agent is None:
                continue
            heappop(self._ready[lane])
            if self._ready[lane]:
                heappush(heads, (self._ready[lane][0], at, lane))
            self._free[agent] -= 1
            key = self._by_place[place]
            end = now + self._seconds[key]
            heappush(self._running, (end, place, agent))
            self._done.append(Planned(key, self._crew[agent].agent_id, now, end))


def _levels(
    dependencies: Mapping[Any, Collection[Any]],
    dependents: Mapping[Any, Collection[Any]],
    seconds: Mapping[Any, float],
) -> dict[Any, float]:
    """The longest way from the start of each task to the end of the whole.

    Args:
        dependencies: In an order in which they can run.
    """
    levels: dict[Any, float] = {}
    for key in reversed(dependencies):
        after = [levels[other] for other in dependents[key] if other in levels]
        levels[key] = seconds[key] + max(after, default=0.0)
    return levels


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


def _guarantee(
    crew: Sequence[AgentSlots],
    lanes: Iterable[Lane],
    serving: Mapping[Lane, list[int]],
    slots: int,
) -> float | None:
    """Graham's 2 - 1/m, where every agent can do everything that is planned."""
    if not slots or any(len(serving[lane]) < len(crew) for lane in lanes):
        return None
    return 2 - 1 / slots
