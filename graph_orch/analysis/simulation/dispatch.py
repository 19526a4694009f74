"""Who chooses what is done next, and by whom: the product's router, one's own, or the agents."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from graph_orch.analysis.checks import shown
from graph_orch.analysis.simulation.ready import Lane, Ready, WaitingTask, WorkingAgent
from graph_orch.analysis.simulation.workload import SimulatedTask
from graph_orch.domain.models.agents import quality, utilization
from graph_orch.errors import RoutingError

Chosen = tuple[WaitingTask, WorkingAgent]


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent as a router sees it at this moment. Skills are keys, as they are compared."""

    agent_id: Hashable
    skills: frozenset[str]
    max_concurrent_tasks: int
    active_tasks: int
    success_rate: float
    total_completed: int
    total_failed: int
    speed: float

    @property
    def utilization(self) -> float:
        """Tasks held as a share of the slots."""
        return utilization(self.active_tasks, self.max_concurrent_tasks)

    @property
    def score(self) -> float:
        """quality = success_rate * (1 - utilization), as the product ranks candidates."""
        return quality(self.success_rate, self.active_tasks, self.max_concurrent_tasks)


Router: TypeAlias = Callable[[SimulatedTask, Sequence[AgentView], float], Hashable]
"""(task, candidates, now) -> the id of the agent that is to do it, or None: nobody for now.

The candidates have the skills and a free slot, and are never empty; the product's choice is first.
A task for which nobody was chosen is asked for again when something else has happened.
"""


class ByQuality:
    """The best ready task for which somebody is free goes to the best candidate, as
    `router.dispatch_task` does with the tasks in the order of `poll_tasks`."""

    def choose(self, ready: Ready, now: float) -> Chosen | None:
        lane = ready.best_lane()
        if lane is None:
            return None
        places = (crew.first() for crew in lane.crews if crew.free)
        _, _, agent = min(place for place in places if place is not None)
        return ready.take(lane), agent

    def settle(self, ready: Ready) -> None:
        pass


class ByClaims:
    """Whoever has a free slot claims the best task among those it has the skills for, one at a
    time; whoever was given a task least recently goes first."""

    def choose(self, ready: Ready, now: float) -> Chosen | None:
        asking = ((crew.first(), lane) for crew, lane in ready.openings())
        found = min(
            ((place, lane) for place, lane in asking if place), key=lambda it: it[0], default=None
        )
        if found is None:
            return None
        (_, _, agent), lane = found
        return ready.take(lane), agent

    def settle(self, ready: Ready) -> None:
        pass


class ByRouter:
    """A router of one's own chooses among the candidates for the best ready task."""

    def __init__(self, router: Router, agents: Sequence[WorkingAgent]) -> None:
        self._router = router
        self._agents = {agent.spec.agent_id: agent for agent in agents}
        self._views: dict[int, tuple[int, AgentView]] = {}
        self._refused: list[WaitingTask] = []

    def choose(self, ready: Ready, now: float) -> Chosen | None:
        while (lane := ready.best_lane()) is not None:
            task = ready.take(lane)
            agent = self._ask(task, lane, now)
            if agent is not None:
                return task, agent
            self._refused.append(task)
        return None

    def settle(self, ready: Ready) -> None:
        """What was refused keeps its place, and is asked for again."""
        refused, self._refused = self._refused, []
        for task in refused:
            ready.put(task)

    def _ask(self, task: WaitingTask, lane: Lane, now: float) -> WorkingAgent | None:
        free = [agent for crew in lane.crews if crew.free for agent in crew.agents if agent.is_free]
        free.sort(key=WorkingAgent.by_quality)
        answer = self._router(task.spec, tuple(map(self._view, free)), now)
        return None if answer is None else self._allowed(task, answer, free)

    def _view(self, agent: WorkingAgent) -> AgentView:
        version, view = self._views.get(agent.index, (None, None))
        if view is None or version != agent.version:
            view = _view(agent)
            self._views[agent.index] = agent.version, view
        return view

    def _allowed(
        self, task: WaitingTask, answer: object, free: Sequence[WorkingAgent]
    ) -> WorkingAgent:
        # An answer that cannot be a key is nobody's id.
        agent = self._agents.get(answer) if isinstance(answer, Hashable) else None
        if agent is not None and agent in free:
            return agent
        raise RoutingError(
            f"the router chose {shown(answer)} for task {shown(task.spec.task_id)}, but "
            f"{_objection(task, agent)}; answer with the agent_id of a candidate, or None"
        )


def _view(agent: WorkingAgent) -> AgentView:
    spec = agent.spec
    return AgentView(
        spec.agent_id,
        spec.skill_keys,
        spec.max_concurrent_tasks,
        agent.active,
        agent.success_rate,
        agent.done,
        agent.failed,
        spec.speed,
    )


def _objection(task: WaitingTask, agent: WorkingAgent | None) -> str:
    if agent is None:
        return "there is no such agent"
    missing = task.spec.skill_keys - agent.spec.skill_keys
    if missing:
        return f"it lacks {', '.join(map(repr, sorted(missing)))}"
    if agent.spec.agent_id in task.spec.excluded_agents:
        return "the task excludes it"
    if agent.crew not in task.lane.crews:
        return "it worked on what the task is to be independent of"
    return f"it holds {agent.active} of at most {agent.spec.max_concurrent_tasks} tasks"
