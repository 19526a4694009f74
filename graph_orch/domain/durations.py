"""How a task's duration is determined, in seconds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite
from reprlib import repr as shortened
from typing import Any, Protocol, Self, TypeAlias, TypeVar, cast

from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.errors import ValidationError

N = TypeVar("N", bound=Hashable)
ESTIMATE = "estimated_seconds"
"""The key of a task's metadata under which it says how long it is going to take."""
LATEST = 1_000
DEFAULT_SECONDS = 1.0
"""How long a task takes of whose type nothing is known."""


class DurationKind(StrEnum):
    """What of a task says how long it takes.

    Estimated: `metadata["estimated_seconds"]`; else, of the latest 1,000 tasks of its type, the
    mean of those that are completed; else 1 second. Measured: what it took
    (`execution_duration_ms`), and where that is not known yet, the estimate.
    """

    MEASURED = "measured"
    ESTIMATED = "estimated"


class Timed(Protocol):
    """What of a task its duration can follow from."""

    @property
    def task_type(self) -> str | None: ...
    @property
    def execution_duration_ms(self) -> float | None: ...
    @property
    def estimated_seconds(self) -> float | None: ...


class Timings(Timed, Protocol):
    """What of a task the durations of others of its type can follow from."""

    @property
    def status(self) -> TaskStatus | None: ...
    @property
    def created_at(self) -> datetime | None: ...


Duration: TypeAlias = (
    "Durations | str | float | Mapping[Any, float | None] | Callable[[Any], float | None]"
)
"""How a caller can say how long tasks take, see `Durations`."""


@dataclass(frozen=True)
class Durations:
    """How a task's duration is determined, in seconds.

    Args:
        by: A `DurationKind`; a number, for all tasks the same; the name of an attribute (one that
            ends in _ms holds milliseconds); a mapping from task, or else from its task_type; or a
            function of the task. A task for which this gives None takes as long as the mean of the
            completed ones of its type.
        unknown: How long a task takes of whose type nothing is known either; None: that is refused.
    """

    by: str | float | Mapping[Any, float | None] | Callable[[Any], float | None]
    unknown: float | None = DEFAULT_SECONDS

    @classmethod
    def of(
        cls, given: Duration, unknown: float | None = DEFAULT_SECONDS, *, named: bool = True
    ) -> Self:
        """What a caller says.

        Args:
            named: Whether it may be the name of an attribute.

        Raises:
            ValidationError: it is none of what can be said.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str):
            if named or given in set(DurationKind):
                return cls(DurationKind(given) if given in set(DurationKind) else given, unknown)
            raise ValidationError(
                f"duration: {shortened(given)} is unknown; known are {', '.join(DurationKind)}"
            )
        if isinstance(given, Mapping) or callable(given):
            return cls(cast(Any, given), unknown)
        if (found := _number(given)) is not None:
            return cls(found, unknown)
        raise ValidationError(
            f"duration: {shortened(given)} is neither {', '.join(DurationKind)}, a number of "
            "seconds, the name of an attribute, a mapping nor a function of a task"
        )

    def told(
        self, tasks: Mapping[N, Timed], attributes: Callable[[N], Mapping[str, Any]] | None = None
    ) -> dict[N, float | None]:
        """How long each task takes; None where it is to take what others of its type took.

        Args:
            attributes: Of a task, for durations that are determined by the name of one.

        Raises:
            ValidationError: something is no number of seconds, or says nothing of any task.
        """
        by = self.by
        if isinstance(by, DurationKind):
            return {key: _by_kind(one, by) for key, one in tasks.items()}
        given: dict[N, object]
        if isinstance(by, float | int):
            return dict.fromkeys(tasks, float(by))
        if isinstance(by, str):
            given = {key: attributes(key).get(by) if attributes else None for key in tasks}
        elif callable(by):
            given = {key: _asked(by, key) for key in tasks}
        else:
            given = {key: by.get(key, by.get(one.task_type)) for key, one in tasks.items()}
        if tasks and all(value is None for value in given.values()):
            raise ValidationError(
                f"duration: {shortened(by)} says of no task how long it takes; give "
                f"{' or '.join(DurationKind)}, a number, the name of an attribute, a mapping or a "
                "function"
            )
        unit = 1000 if isinstance(by, str) and by.endswith("_ms") else 1
        return {
            key: None if value is None else seconds(value, key, "the duration") / unit
            for key, value in given.items()
        }

    def filled(
        self,
        told: Mapping[N, float | None],
        tasks: Mapping[N, Timed],
        typical: Mapping[str, float],
    ) -> dict[N, float]:
        """How long each task takes, where nothing is told of it by the mean of its type.

        Raises:
            ValidationError: nothing says how long one takes, and that is to be refused.
        """
        return {
            key: self._usual(key, tasks[key], typical) if value is None else value
            for key, value in told.items()
        }

    def _usual(self, key: Hashable, task: Timed, typical: Mapping[str, float]) -> float:
        found = typical.get(task.task_type or "", self.unknown)
        if found is None:
            raise ValidationError(
                f"nothing says how long task {key!r:.100} takes; give duration=: seconds, the name "
                "of an attribute, a mapping or a function"
            )
        return found


def _asked(function: Callable[[Any], object], key: Hashable) -> object:
    """What a function that a caller gave says of a task.

    Raises:
        ValidationError: it raised an error, which is named.
    """
    try:
        return function(key)
    except Exception as error:
        raise ValidationError(
            f"duration: the function raised {type(error).__name__} for task {key!r:.100}: "
            f"{error!s:.200}"
        ) from error


def _by_kind(task: Timed, kind: DurationKind) -> float | None:
    if kind is DurationKind.MEASURED and task.execution_duration_ms is not None:
        return task.execution_duration_ms / 1000
    return task.estimated_seconds


def estimated(metadata: object) -> object:
    """What a task's metadata says of its duration, if anything."""
    if not isinstance(metadata, Mapping):
        return None
    return cast(Mapping[str, object], metadata).get(ESTIMATE)


def seconds(value: object, key: object, what: str) -> float:
    """`value` as a number of seconds.

    Raises:
        ValidationError: it is none.
    """
    found = _number(value)
    if found is None:
        raise ValidationError(
            f"{what} of {key!r} is {repr(value)[:100]}, which is no duration: give a finite "
            "number, 0 or more"
        )
    return found


def _number(value: object) -> float | None:
    if not hasattr(value, "__float__") or isinstance(value, bool | str):  # numpy's too
        return None
    try:
        found = float(cast(Any, value))
    except (OverflowError, TypeError, ValueError):
        return None
    return found if isfinite(found) and found >= 0 else None


def typical_seconds(tasks: Iterable[Timings]) -> dict[str, float]:
    """How long tasks of each type took: of the latest 1,000, the mean of those completed."""
    by_type: dict[str, list[Timings]] = {}
    for one in tasks:
        if one.task_type is not None:
            by_type.setdefault(one.task_type, []).append(one)
    found: dict[str, float] = {}
    for task_type, some in by_type.items():
        if len(some) > LATEST and all(one.created_at is not None for one in some):
            some = sorted(some, key=lambda one: cast(datetime, one.created_at), reverse=True)
            some = some[:LATEST]
        took = [
            one.execution_duration_ms / 1000
            for one in some
            if one.execution_duration_ms is not None and one.status in (None, TaskStatus.COMPLETED)
        ]
        if took:
            found[task_type] = sum(took) / len(took)
    return found
