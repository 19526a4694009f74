"""How long tasks take, in seconds: measured, estimated, or as others of their type did. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from math import isfinite
from reprlib import repr as shortened
from typing import Any, TypeVar, cast

from graph_orch.domain.lifecycle import TaskStatus, has_status
from graph_orch.errors import ValidationError

N = TypeVar("N", bound=Hashable)
ESTIMATE = "estimated_seconds"
"""The key of a task's metadata under which it says how long it is going to take."""
LATEST = 1_000
DEFAULT_SECONDS = 1.0
"""How long a task takes of whose type nothing is known."""


class DurationKind(StrEnum):
    """How the duration of a task is had.

    Estimated: `metadata["estimated_seconds"]`; else, of the latest 1,000 tasks of its type, the
    mean of those that are completed; else 1 second. Measured: what it took
    (`execution_duration_ms`), and where that is not known yet, the estimate.
    """

    MEASURED = "measured"
    ESTIMATED = "estimated"


def kind_of(duration: str) -> DurationKind:
    """The kind that a caller names.

    Raises:
        ValidationError: there is no such kind.
    """
    try:
        return DurationKind(duration)
    except (ValueError, RecursionError):
        known = ", ".join(DurationKind)
        raise ValidationError(
            f"duration: {shortened(duration)} is unknown; known are {known}"
        ) from None


def seconds_of(
    facts: Mapping[N, Mapping[str, Any]], kind: DurationKind, typical: Mapping[str, float]
) -> dict[N, float]:
    """How long each task takes.

    Args:
        facts: Of each its task_type, execution_duration_ms and metadata, where it has them.
        typical: The mean of each type, see `typical_seconds`.

    Raises:
        ValidationError: something there is no number of seconds.
    """
    return {key: _seconds(key, one, kind, typical) for key, one in facts.items()}


def _seconds(
    key: Hashable, one: Mapping[str, Any], kind: DurationKind, typical: Mapping[str, float]
) -> float:
    if kind is DurationKind.MEASURED and (took := one.get("execution_duration_ms")) is not None:
        return seconds(took, key, "execution_duration_ms") / 1000
    if (estimate := estimated(one.get("metadata"))) is not None:
        return seconds(estimate, key, f"metadata[{ESTIMATE!r}]")
    return typical.get(str(one.get("task_type")), DEFAULT_SECONDS)


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
    is_number = hasattr(value, "__float__") and not isinstance(value, bool | str)  # numpy's too
    found = _float(value) if is_number else -1.0
    if not (isfinite(found) and found >= 0):
        raise ValidationError(
            f"{what} of task {key!r} is {repr(value)[:100]}, which is no duration: give a finite "
            "number, 0 or more"
        )
    return found


def _float(value: object) -> float:
    try:
        return float(cast(Any, value))
    except (OverflowError, TypeError, ValueError):
        return -1.0


def typical_seconds(tasks: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """How long tasks of each type took: of the latest 1,000, the mean of those completed."""
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for one in tasks:
        if (task_type := one.get("task_type")) is not None:
            by_type.setdefault(str(task_type), []).append(one)
    means = {task_type: _mean(_latest(some)) for task_type, some in by_type.items()}
    return {task_type: mean for task_type, mean in means.items() if mean is not None}


def _latest(tasks: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    created = [one.get("created_at") for one in tasks]
    if len(tasks) <= LATEST or not all(isinstance(at, datetime) for at in created):
        return tasks
    return sorted(tasks, key=lambda one: one["created_at"], reverse=True)[:LATEST]


def _mean(tasks: Iterable[Mapping[str, Any]]) -> float | None:
    took = [
        seconds(one["execution_duration_ms"], one.get("task_id"), "execution_duration_ms") / 1000
        for one in tasks
        if one.get("execution_duration_ms") is not None
        and ("status" not in one or has_status(one, {TaskStatus.COMPLETED}))
    ]
    return sum(took) / len(took) if took else None
