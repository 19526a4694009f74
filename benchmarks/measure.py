"""Timing: calls in turn with the floor they are compared to, in rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

Prepare = Callable[[], Any]
Act = Callable[[Any], Any]


@dataclass(frozen=True)
class Operation:
    """What is timed (`act`), and what it needs first, which is not (`prepare`)."""

    act: Act
    prepare: Prepare = lambda: None


@dataclass
class Series:
    """The times of one operation, in milliseconds, a list for each round."""

    rounds: list[list[float]] = field(default_factory=list[list[float]])

    @property
    def every(self) -> list[float]:
        return [value for one in self.rounds for value in one]

    @property
    def p50(self) -> float:
        return median(self.every)

    @property
    def p99(self) -> float:
        return quantile(self.every, 0.99)

    def medians(self) -> list[float]:
        return [median(one) for one in self.rounds]


@dataclass(frozen=True)
class Ratio:
    """A figure beside its floor: the median over the rounds, and the smallest and largest."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Ratio:
        return cls(median(values), min(values), max(values))

    @classmethod
    def between(cls, series: Series, floor: Series) -> Ratio:
        return cls.of(ratios(series, floor))


def ratios(series: Series, floor: Series) -> list[float]:
    """Round by round, the median of one over the median of the other."""
    pairs = zip(series.medians(), floor.medians(), strict=True)
    return [ours / theirs for ours, theirs in pairs]


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def interleaved(
    operations: Mapping[str, Operation], *, rounds: int = 3, calls: int = 100, warm_up: int = 20
) -> dict[str, Series]:
    """Time every operation in turn, call by call, so that all see the machine in the same state."""
    for _ in range(warm_up):
        for operation in operations.values():
            operation.act(operation.prepare())
    series = {name: Series() for name in operations}
    for _ in range(rounds):
        for one in series.values():
            one.rounds.append([])
        for _ in range(calls):
            for name, operation in operations.items():
                series[name].rounds[-1].append(timed(operation))
    return series


def timed(operation: Operation) -> float:
    """Milliseconds of one call."""
    given = operation.prepare()
    began = time.perf_counter()
    operation.act(given)
    return (time.perf_counter() - began) * 1_000
