"""What is simulated: tasks that arrive, and agents that work on them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from operator import index
from typing import Any, Self, TypeVar, cast

from graph_orch.domain.lifecycle import DependencyFailure, TaskPriority
from graph_orch.domain.models import Agent, RetryPolicy
from graph_orch.domain.values import skill_key
from graph_orch.errors import ValidationError

E = TypeVar("E", bound=TaskPriority | DependencyFailure)

LONGEST_SECONDS = 1e12
"""Times and durations up to here (31,700 years) are taken: no sum of them overflows."""
SLOWEST, FASTEST = 1e-6, 1e6
MOST_RETRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class SimulatedTask:
    """A task as it is simulated. Times are seconds since the start of the simulation.

    `duration` is what one try takes an agent of speed 1. `max_retries` None: what the retry policy
    says, 3 without one. `is_held`: it waits for something that is not simulated, and never runs.

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

    def __post_init__(self) -> None:
        what = f"task {shown(self.task_id)}"
        hashable(self.task_id, what)
        for name in ("duration", "arrives_at"):
            _set(self, name, seconds(getattr(self, name), f"{what}: {name}"))
        if self.available_at is not None:
            _set(self, "available_at", seconds(self.available_at, f"{what}: available_at"))
        if self.max_retries is not None:
            whole(self.max_retries, f"{what}: max_retries", 0, MOST_RETRIES)
        _set(self, "requirements", _skills(self.requirements, f"{what}: requirements"))
        for name in ("dependencies", "excluded_agents"):
            _set(self, name, _names(getattr(self, name), f"{what}: {name}"))
        _set(self, "priority", _member(TaskPriority, self.priority, what))
        failure = _member(DependencyFailure, self.on_dependency_failure, what)
        _set(self, "on_dependency_failure", failure)
        _is_policy(self.retry_policy, what)
        if self.concurrency_key is not None:
            hashable(self.concurrency_key, f"{what}: concurrency_key")

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
        hashable(self.agent_id, what)
        _set(self, "skills", _skills(self.skills, f"{what}: skills"))
        whole(self.max_concurrent_tasks, f"{what}: max_concurrent_tasks", 1)
        for name in ("total_completed", "total_failed"):
            whole(getattr(self, name), f"{what}: {name}", 0)
        number(self.success_rate, f"{what}: success_rate", 0, 1)
        number(self.speed, f"{what}: speed", SLOWEST, FASTEST)
        if self.last_assigned_at is not None:
            moment(self.last_assigned_at, f"{what}: last_assigned_at")

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


def shown(name: object) -> str:
    """A name, as an error shows it: not too long."""
    text = repr(name)
    return text if len(text) <= 80 else f"{text[:77]}…"


def seconds(value: object, what: str) -> float:
    """A time or duration as a float.

    Raises:
        ValidationError: it is no number from 0 to LONGEST_SECONDS.
    """
    return number(value, what, 0, LONGEST_SECONDS)


def moment(value: object, what: str) -> datetime:
    """An aware datetime.

    Raises:
        ValidationError: it is none.
    """
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    raise ValidationError(f"{what} is {shown(value)}; give a datetime with a time zone")


def number(value: object, what: str, least: float, most: float) -> float:
    """A number in a range, as a float.

    Raises:
        ValidationError: it is none.
    """
    try:
        found = float("nan") if isinstance(value, bool | str) else float(cast(Any, value))
    except (TypeError, ValueError, OverflowError):
        found = float("nan")
    if not (isfinite(found) and least <= found <= most):
        raise ValidationError(f"{what} is {shown(value)}; give a number from {least:g} to {most:g}")
    return found


def whole(value: object, what: str, least: int, most: int = 2**31 - 1) -> int:
    """A whole number in a range.

    Raises:
        ValidationError: it is none.
    """
    try:
        found = None if isinstance(value, bool) else index(cast(Any, value))  # NumPy's too
    except TypeError:
        found = None
    if found is not None and least <= found <= most:
        return found
    raise ValidationError(f"{what} is {shown(value)}; give a whole number from {least} to {most}")


def hashable(value: object, what: str) -> None:
    """Raises ValidationError where a value cannot be a name."""
    if value is None:
        raise ValidationError(f"{what} needs a name; None stands for nobody")
    try:
        hash(value)
    except TypeError:
        raise ValidationError(f"{what} cannot be a key: {shown(value)} is not hashable") from None


def _set(model: object, name: str, value: object) -> None:
    object.__setattr__(model, name, value)


def _names(values: object, what: str) -> tuple[Hashable, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValidationError(f"{what} is {shown(values)}; give a list")
    found = tuple(cast(Iterable[Hashable], values))
    for value in found:
        hashable(value, what)
    return tuple(dict.fromkeys(found))


def _skills(values: object, what: str) -> tuple[Hashable, ...]:
    found = _names(values, what)
    for name in found:
        if not isinstance(name, str) or not name.strip():
            raise ValidationError(f"{what} has {shown(name)}; a skill is a text that is not empty")
    return found


def _member(kind: type[E], value: object, what: str) -> E:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(kind)
        raise ValidationError(f"{what}: {shown(value)} is not one of {known}") from None


def _is_policy(value: object, what: str) -> None:
    if not isinstance(value, RetryPolicy | None):
        raise ValidationError(f"{what}: retry_policy is {shown(value)}; give a RetryPolicy")


def _all_of(values: object, kind: Any, what: str) -> tuple[Any, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValidationError(f"{what} is {shown(values)}, which cannot be simulated; give a list")
    found = tuple(cast(Iterable[object], values))
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
