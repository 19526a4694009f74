"""What is simulated: tasks that arrive, and agents that work on them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, cast

from graph_orch.analysis.checks import member, moment, node, number, several, shown, whole
from graph_orch.domain.forms import skill_key
from graph_orch.domain.lifecycle import DependencyFailure, TaskPriority
from graph_orch.domain.models import Agent, RetryPolicy
from graph_orch.errors import ValidationError

SLOWEST, FASTEST = 1e-6, 1e6
MOST_RETRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class SimulatedTask:
    """A task as it is simulated. Times are seconds since the start of the simulation.

    `duration` is what one try takes an agent of speed 1. `max_retries` None: what the retry policy
    says, 3 without one. `is_held`: it waits for something that is not simulated, and never runs.
    `independent_of`: whoever begins these tasks may not take it: ids, of which those that are not
    simulated do not count, or "dependencies", or "ancestors".

    Raises:
        ValidationError: a value is not acceptable.
    """

    task_id: Hashable
    duration: float
    requirements: Sequence[str] = ()
    dependencies: Sequence[Hashable] = ()
    arrives_at: float = 0.0
    available_at: float | None = None
    priority: TaskPriority = TaskPriority.MEDIUM
    max_retries: int | None = None
    task_type: str = "task"
    on_dependency_failure: DependencyFailure = DependencyFailure.WAIT
    retry_policy: RetryPolicy | None = None
    concurrency_key: str | None = None
    excluded_agents: Sequence[Hashable] = ()
    is_held: bool = False
    independent_of: Sequence[Hashable] | str = ()

    def __post_init__(self) -> None:
        what = f"task {shown(self.task_id)}"
        named(what, self.task_id)
        for name in ("duration", "arrives_at"):
            _set(self, name, number(f"{what}: {name}", getattr(self, name)))
        if self.available_at is not None:
            _set(self, "available_at", number(f"{what}: available_at", self.available_at))
        if self.max_retries is not None:
            whole(f"{what}: max_retries", self.max_retries, 0, MOST_RETRIES)
        _set(self, "requirements", _skills(f"{what}: requirements", self.requirements))
        if isinstance(self.independent_of, str):
            _set(self, "independent_of", (self.independent_of,))
        for name in ("dependencies", "excluded_agents", "independent_of"):
            _set(self, name, _names(f"{what}: {name}", getattr(self, name)))
        _set(self, "priority", member(f"{what}: priority", self.priority, TaskPriority))
        failure = f"{what}: on_dependency_failure", self.on_dependency_failure
        _set(self, "on_dependency_failure", member(*failure, DependencyFailure))
        if not isinstance(cast(object, self.retry_policy), RetryPolicy | None):
            policy = shown(self.retry_policy)
            raise ValidationError(f"{what}: retry_policy is {policy}; give a RetryPolicy")
        if self.concurrency_key is not None:
            named(f"{what}: concurrency_key", self.concurrency_key)

    @property
    def skill_keys(self) -> frozenset[str]:
        """The required skills in the form in which they are compared."""
        return frozenset(map(skill_key, self.requirements))


@dataclass(frozen=True, slots=True)
class SimulatedAgent:
    """An agent as it is simulated: idle at the start, with the history that it is given.

    `success_rate` ranks it until its first try ends; from then on it is, as in the store,
    total_completed / (total_completed + total_failed). `speed` divides the duration of tasks.

    Raises:
        ValidationError: a value is not acceptable.
    """

    agent_id: Hashable
    skills: Sequence[str] = ()
    max_concurrent_tasks: int = 5
    success_rate: float = 1.0
    speed: float = 1.0
    total_completed: int = 0
    total_failed: int = 0
    last_assigned_at: datetime | None = None

    def __post_init__(self) -> None:
        what = f"agent {shown(self.agent_id)}"
        named(what, self.agent_id)
        _set(self, "skills", _skills(f"{what}: skills", self.skills))
        whole(f"{what}: max_concurrent_tasks", self.max_concurrent_tasks, 1)
        for name in ("total_completed", "total_failed"):
            whole(f"{what}: {name}", getattr(self, name))
        number(f"{what}: success_rate", self.success_rate, 0, 1)
        number(f"{what}: speed", self.speed, SLOWEST, FASTEST)
        if self.last_assigned_at is not None:
            moment(f"{what}: last_assigned_at", self.last_assigned_at)

    @property
    def skill_keys(self) -> frozenset[str]:
        """The skills in the form in which they are compared."""
        return frozenset(map(skill_key, self.skills))

    @classmethod
    def of(cls, agent: Agent) -> Self:
        """An agent of the store, with its history, and idle."""
        names = ("agent_id", "max_concurrent_tasks", "success_rate", "total_completed")
        return cls(
            **{name: getattr(agent, name) for name in names},
            skills=tuple(agent.capabilities),
            total_failed=agent.total_failed,
            last_assigned_at=agent.last_assigned_at,
        )


def checked_tasks(tasks: Iterable[SimulatedTask]) -> tuple[SimulatedTask, ...]:
    """The tasks, each of another id, and none that depends on one that is not there.

    Raises:
        ValidationError: they are not so.
    """
    found = _all_of(tasks, SimulatedTask, "the workload")
    ids = _distinct([task.task_id for task in found], "tasks")
    for task in found:
        for other in task.dependencies:
            if other not in ids:
                raise ValidationError(
                    f"task {shown(task.task_id)} depends on {shown(other)}, which is not in the "
                    "workload; add it, or leave the dependency out"
                )
    return found


def checked_agents(agents: Iterable[SimulatedAgent | Agent]) -> tuple[SimulatedAgent, ...]:
    """The agents, each of another id; those of the store become simulated ones.

    Raises:
        ValidationError: they are not so.
    """
    found = _all_of(agents, SimulatedAgent | Agent, "agents")
    as_simulated = tuple(SimulatedAgent.of(it) if isinstance(it, Agent) else it for it in found)
    _distinct([agent.agent_id for agent in as_simulated], "agents")
    return as_simulated


def _set(model: object, name: str, value: object) -> None:
    object.__setattr__(model, name, value)


def named(what: str, value: object) -> Any:
    """What can be the id of a task or an agent.

    Raises:
        ValidationError: it is None, which stands for nobody, or has no hash.
    """
    if value is None:
        raise ValidationError(f"{what} needs a name; None stands for nobody")
    return node(what, value)


def _names(what: str, values: object) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(named(what, value) for value in several(what, values)))


def _skills(what: str, values: object) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(several(what, values)))
    for name in found:
        if not isinstance(name, str) or not name.strip():
            raise ValidationError(f"{what} has {shown(name)}; a skill is a text that is not empty")
    return found


def _all_of(values: object, kind: Any, what: str) -> tuple[Any, ...]:
    found = several(what, values)
    for value in found:
        if not isinstance(value, kind):
            name = getattr(kind, "__name__", "SimulatedAgent")
            raise ValidationError(f"{what} has {shown(value)} where a {name} is needed")
    return found


def _distinct(ids: Sequence[Hashable], what: str) -> set[Hashable]:
    seen = set[Hashable]()
    for key in ids:
        if key in seen:
            raise ValidationError(f"two {what} have the id {shown(key)}; give each its own")
        seen.add(key)
    return seen
