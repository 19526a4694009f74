"""The ready tasks and the agents with a free slot, so that who may do what is found quickly.

Tasks with the same requirements are a lane, agents that serve the same lanes are a crew. A crew
knows a lower bound of the key at the head of each of its lanes, and looks at a lane only when that
bound is the least: a decision costs by the crews that serve a lane, and not by the tasks that wait
or the agents of a crew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush, heapreplace

from graph_orch.analysis.simulation.workload import SimulatedAgent, SimulatedTask
from graph_orch.domain.models.agents import quality

Key = tuple[float, float, int]
"""What tasks are served by: priority (or its rank in time), arrival, place in the workload."""
Place = tuple[object, ...]
"""Where an agent stands among others: the smallest first."""


class Limit:
    """How many tasks with a concurrency key are held, and may be."""

    __slots__ = ("active", "lanes", "most")

    def __init__(self, most: int) -> None:
        self.most, self.active = most, 0
        self.lanes: list[Lane] = []

    @property
    def is_reached(self) -> bool:
        return self.active >= self.most


class WaitingTask:
    """A task under way through the simulation."""

    __slots__ = (
        "agent_id",
        "arrived",
        "behind",
        "dependents",
        "finished",
        "index",
        "key",
        "lane",
        "namers",
        "outcome",
        "ready",
        "ready_since",
        "reason",
        "retries",
        "spec",
        "started",
        "tries",
        "unmet",
        "wait",
        "work",
        "workers",
    )

    def __init__(self, index: int, spec: SimulatedTask, key: Key, lane: Lane) -> None:
        self.index, self.spec, self.key, self.lane = index, spec, key, lane
        self.dependents: list[WaitingTask] = []
        self.namers: list[WaitingTask] = []  # those that are to be independent of it
        self.workers: frozenset[Hashable] = frozenset()  # who began it
        self.behind: frozenset[Hashable] = frozenset()  # who began what it depends on, at any depth
        self.unmet = len(spec.dependencies)
        self.arrived = False
        self.tries = self.retries = 0
        self.wait = self.work = 0.0
        self.ready: float | None = None
        self.ready_since: float | None = None
        self.started: float | None = None
        self.finished: float | None = None
        self.agent_id: Hashable = None
        self.outcome: str | None = None
        self.reason: str | None = None


class WorkingAgent:
    """An agent at work: its slots, its history, and when it was last given a task."""

    __slots__ = (
        "active",
        "busy",
        "crew",
        "done",
        "failed",
        "free_slots",
        "index",
        "last",
        "name",
        "new_completed",
        "new_failed",
        "spec",
        "success_rate",
        "used_slots",
        "version",
    )

    def __init__(self, index: int, spec: SimulatedAgent, last: int) -> None:
        self.index, self.spec, self.last = index, spec, last
        self.name = str(spec.agent_id)
        self.active = self.version = 0
        self.busy = 0.0
        self.done, self.failed = spec.total_completed, spec.total_failed
        self.new_completed = self.new_failed = 0
        self.success_rate = spec.success_rate
        self.free_slots: list[int] = []
        self.used_slots = 0
        self.crew: Crew

    @property
    def is_free(self) -> bool:
        return self.active < self.spec.max_concurrent_tasks

    @property
    def score(self) -> float:
        return quality(self.success_rate, self.active, self.spec.max_concurrent_tasks)

    def by_quality(self) -> Place:
        """The product's order of candidates: quality, then least recently given a task, then id."""
        return (-self.score, self.last, self.name, self.index)

    def by_recency(self) -> Place:
        """Who asks for work first: whoever was given some least recently, then id."""
        return (self.last, self.name, self.index)

    def take_slot(self) -> int:
        """The number of the slot that it fills: the lowest one that is free."""
        self.active += 1
        if self.free_slots:
            return heappop(self.free_slots)
        self.used_slots += 1
        return self.used_slots - 1

    def free_slot(self, slot: int) -> None:
        self.active -= 1
        heappush(self.free_slots, slot)


class Lane:
    """The ready tasks that the same agents can do, best first."""

    __slots__ = ("crews", "limit", "tasks")

    def __init__(self, limit: Limit | None, crews: Sequence[Crew]) -> None:
        self.limit, self.crews = limit, crews
        self.tasks: list[tuple[Key, WaitingTask]] = []

    def __lt__(self, other: Lane) -> bool:
        """Heaps ask where a task was moved: two lanes have its key in common. Either will do."""
        return False

    @property
    def is_open(self) -> bool:
        return bool(self.tasks) and not (self.limit and self.limit.is_reached)


class Crew:
    """Agents that serve the same lanes, and what they may find in them."""

    __slots__ = ("agents", "bounds", "free", "heads", "idle", "place", "skills")

    def __init__(self, skills: frozenset[str], place: Callable[[WorkingAgent], Place]) -> None:
        self.skills, self.place = skills, place
        self.agents: list[WorkingAgent] = []
        self.free = 0
        self.heads: list[tuple[Key, Lane]] = []
        self.bounds: dict[Lane, Key] = {}
        self.idle: list[tuple[Place, int, WorkingAgent]] = []

    def hear_of(self, lane: Lane) -> None:
        """The lane has a new head."""
        head = lane.tasks[0][0]
        bound = self.bounds.get(lane)
        if bound is None or head < bound:
            self.bounds[lane] = head
            heappush(self.heads, (head, lane))

    def best_lane(self) -> Lane | None:
        """The lane whose head is the best of all that these agents may take now."""
        heads, bounds = self.heads, self.bounds
        while heads:
            key, lane = heads[0]
            if bounds.get(lane) != key:  # a better one was heard of since
                heappop(heads)
            elif not lane.is_open:
                heappop(heads)
                del bounds[lane]
            elif lane.tasks[0][0] == key:
                return lane
            else:
                bounds[lane] = lane.tasks[0][0]
                heapreplace(heads, (bounds[lane], lane))
        return None

    def enter(self, agent: WorkingAgent) -> None:
        """The agent's place has changed."""
        agent.version += 1
        if not agent.is_free:
            return
        heappush(self.idle, (self.place(agent), agent.version, agent))
        if len(self.idle) > 4 * len(self.agents) + 64:
            self.idle = [it for it in self.idle if it[1] == it[2].version]
            heapify(self.idle)

    def first(self) -> tuple[Place, int, WorkingAgent] | None:
        """The first of its agents with a free slot, and its place."""
        idle = self.idle
        while idle and idle[0][1] != idle[0][2].version:
            heappop(idle)
        return idle[0] if idle else None


class Ready:
    """All ready tasks, and all agents with a free slot."""

    def __init__(self, crews: Iterable[Crew]) -> None:
        self.crews = list(crews)
        self.size = 0
        self._hopeful = {crew: None for crew in self.crews if crew.free}

    def put(self, task: WaitingTask) -> None:
        """A task is ready."""
        self.size += 1
        lane = task.lane
        heappush(lane.tasks, (task.key, task))
        if lane.tasks[0][1] is task:
            self._announce(lane)

    def take(self, lane: Lane) -> WaitingTask:
        """Take the head of a lane out."""
        self.size -= 1
        return heappop(lane.tasks)[1]

    def move(self, task: WaitingTask, lane: Lane) -> None:
        """Other agents may do a ready task than before."""
        was, task.lane = task.lane, lane
        if was is not lane and (task.key, task) in was.tasks:  # else a router has refused it
            was.tasks.remove((task.key, task))
            heapify(was.tasks)
            self.size -= 1
            self.put(task)

    def occupy(self, agent: WorkingAgent, lane: Lane) -> int:
        """The agent takes a task of the lane: the number of its slot."""
        slot = agent.take_slot()
        if lane.limit:
            lane.limit.active += 1
        if not agent.is_free:
            agent.crew.free -= 1
        agent.crew.enter(agent)
        return slot

    def vacate(self, agent: WorkingAgent, slot: int, lane: Lane) -> None:
        """The agent has ended a task of the lane."""
        if not agent.is_free:
            agent.crew.free += 1
        agent.free_slot(slot)
        agent.crew.enter(agent)
        self._hopeful[agent.crew] = None
        if lane.limit:
            self._release(lane.limit)

    def best_lane(self) -> Lane | None:
        """The lane with the best task for which somebody is free."""
        return min((lane for _, lane in self.openings()), key=_head, default=None)

    def openings(self) -> Iterator[tuple[Crew, Lane]]:
        """Each crew that is free and finds something, and the best lane for it."""
        for crew in list(self._hopeful):
            lane = crew.best_lane() if crew.free else None
            if lane is None:
                del self._hopeful[crew]
            else:
                yield crew, lane

    def _announce(self, lane: Lane) -> None:
        if not lane.is_open:  # its limit is reached, and will be released
            return
        for crew in lane.crews:
            crew.hear_of(lane)
            if crew.free:
                self._hopeful[crew] = None

    def _release(self, limit: Limit) -> None:
        """One task less is held: lanes that the limit had closed can be served again."""
        was_reached = limit.is_reached
        limit.active -= 1
        for lane in limit.lanes if was_reached else ():
            self._announce(lane)


def _head(lane: Lane) -> Key:
    return lane.tasks[0][0]


def crews_of(
    agents: Sequence[WorkingAgent],
    singled_out: Iterable[Hashable],
    place: Callable[[WorkingAgent], Place],
) -> list[Crew]:
    """The agents by their skills; each whom a task may exclude is a crew of its own."""
    alone = set(singled_out)
    crews: dict[object, Crew] = {}
    for agent in agents:
        skills, key = agent.spec.skill_keys, agent.spec.agent_id
        crew = crews.setdefault((skills, key if key in alone else None), Crew(skills, place))
        crew.agents.append(agent)
        crew.free += 1
        agent.crew = crew
        crew.enter(agent)
    return list(crews.values())


class Lanes:
    """The lane of each task, made when it is first asked for."""

    def __init__(self, crews: Sequence[Crew], limits: Callable[[str], Limit]) -> None:
        self._crews, self._limits = crews, limits
        self._lanes: dict[object, Lane] = {}
        self._able: dict[frozenset[str], list[Crew]] = {}
        self._by_skill: dict[str, list[Crew]] = {}
        for crew in crews:
            for skill in crew.skills:
                self._by_skill.setdefault(skill, []).append(crew)

    def of(self, task: SimulatedTask, barred: frozenset[Hashable] = frozenset()) -> Lane:
        skills, key = task.skill_keys, task.concurrency_key
        excluded = barred.union(task.excluded_agents)
        name = (skills, key, excluded)
        if name not in self._lanes:
            crews = [it for it in self._with(skills) if not _is_excluded(it, excluded)]
            limit = None if key is None else self._limits(key)
            self._lanes[name] = Lane(limit, crews)
            if limit is not None:
                limit.lanes.append(self._lanes[name])
        return self._lanes[name]

    def _with(self, skills: frozenset[str]) -> list[Crew]:
        """The crews that have every skill, from those that have the rarest."""
        if skills not in self._able:
            some = [self._by_skill.get(skill, []) for skill in skills]
            rarest = min(some, key=len) if some else self._crews
            self._able[skills] = [crew for crew in rarest if skills <= crew.skills]
        return self._able[skills]


def _is_excluded(crew: Crew, excluded: frozenset[Hashable]) -> bool:
    return len(crew.agents) == 1 and crew.agents[0].spec.agent_id in excluded
