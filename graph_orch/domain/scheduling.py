"""List scheduling: who does which task when, if whoever is free takes the most urgent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from graph_orch.domain.dag import dependents_of

Lane = tuple[frozenset[str], frozenset[str]]
"""The skills that a task needs, and the agents that may not do it."""


class AgentSlots(NamedTuple):
    """An agent: the keys of its skills, how many tasks it works on at once, and holds now."""

    agent_id: Any
    skills: frozenset[str]
    slots: int = 1
    active: int = 0


class Planned(NamedTuple):
    """A task in a schedule, in seconds after its start."""

    task_id: Any
    agent_id: str
    start: float
    end: float


def ways_to_the_end(
    dependencies: Mapping[Any, Collection[Any]], seconds: Mapping[Any, float]
) -> dict[Any, float]:
    """The longest way from the start of each task to the end of the whole.

    Args:
        dependencies: Of each task, in an order in which it comes after them.
    """
    dependents, ways = dependents_of(dependencies), dict[Any, float]()
    for key in reversed(list(dependencies)):
        after = [ways[other] for other in dependents.get(key, ()) if other in ways]
        ways[key] = seconds[key] + max(after, default=0.0)
    return ways


def served_by(crew: Sequence[AgentSlots], lanes: Collection[Lane]) -> dict[Lane, list[int]]:
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


class ListScheduling:
    """One run of the clock: from each moment at which a slot is free to the next.

    The next task is the one with the longest way to the end (HLFET, highest level first with
    estimated times: Adam, Chandy and Dickson 1974), ties by str. It goes to the free agent that can
    do it, and the fewest other kinds of tasks.
    """

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
        self._dependents = dependents_of(dependencies)
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
            for other in self._dependents.get(self._by_place[place], ()):
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
