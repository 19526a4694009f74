"""Tasks that arrive at random, for questions of queueing theory."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np

from graph_orch.analysis.checks import LONGEST_SECONDS, member, number, whole
from graph_orch.analysis.simulation.workload import FASTEST, SimulatedTask


class Law(StrEnum):
    """How durations are distributed about their mean."""

    EXPONENTIAL = "exponential"
    CONSTANT = "constant"


def poisson_tasks(
    count: int,
    rate: float,
    mean_duration: float,
    *,
    law: Law | str = Law.EXPONENTIAL,
    seed: int = 0,
    **fields: Any,
) -> tuple[SimulatedTask, ...]:
    """Tasks that arrive as a Poisson process: the M of M/M/c and M/D/c.

    Arrivals and durations come from generators of their own, so that either can be changed without
    the other. `fields` go to every `SimulatedTask`; their ids are task-0, task-1, …

    Args:
        rate: tasks a second.
        mean_duration: seconds.

    Raises:
        ValidationError: an argument is not acceptable.
    """
    whole("the number of tasks", count, 0)
    gap = 1 / number("the rate of arrivals", rate, 1e-9, 1e12)
    mean = number("the mean duration", mean_duration, 0, LONGEST_SECONDS / FASTEST)
    gaps, works = (np.random.default_rng(it) for it in _sequence(seed).spawn(2))
    arrivals = np.cumsum(gaps.exponential(gap, count))
    constant = member("law", law, Law) is Law.CONSTANT
    durations = np.full(count, mean) if constant else works.exponential(mean, count)
    return tuple(
        SimulatedTask(f"task-{place}", float(took), arrives_at=float(at), **fields)
        for place, (at, took) in enumerate(zip(arrivals, durations, strict=True))
    )


def seeds(seed: int, count: int) -> list[int]:
    """`count` seeds that have nothing to do with each other, from one."""
    return [int(it.generate_state(1, np.uint64)[0]) for it in _sequence(seed).spawn(count)]


def _sequence(seed: object) -> np.random.SeedSequence:
    return np.random.SeedSequence(whole("seed", seed, 0, 2**64 - 1))
