"""What past tries teach: who succeeds at what, how long things wait and take, what is retried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any, get_args

import numpy as np

from graph_orch.analysis.checks import whole
from graph_orch.analysis.history.tables import (
    Group,
    Interval,
    Key,
    Oddity,
    RetryUse,
    RetryUses,
    Spread,
    SuccessRate,
    SuccessRates,
    TimeUse,
    TimeUses,
)
from graph_orch.analysis.model import (
    FAILED,
    SUCCEEDED,
    SUSPENDED,
    Given,
    Timeline,
    TriedTask,
    Try,
)
from graph_orch.analysis.nodes import by_name
from graph_orch.domain.fields import RATIO
from graph_orch.errors import ValidationError


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """The score interval of Wilson (1927), Probable inference, J. Am. Stat. Assoc. 22, 209–212.

    Without continuity correction: method 3 of Newcombe (1998), Stat. Med. 17, 857–872. With n = 0
    it is (0, 1).

    Raises:
        ValidationError: not whole numbers with 0 <= successes <= n, or confidence not between 0
            and 1.
    """
    n = whole("wilson: n", n, 0, 2**63)
    successes = whole("wilson: successes", successes, 0, n)
    z = _quantile(confidence)
    if n == 0:
        return Interval(0.0, 1.0)
    rate, z2 = successes / n, z * z
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    return Interval(low, 1.0 if successes == n else min(1.0, middle + half))


def success_rates(
    graph: Given,
    by: Key | Sequence[Key] = ("agent", "skill"),
    *,
    confidence: float = 0.95,
) -> SuccessRates:
    """How often tries succeeded, by `agent`, `skill`, `task_type`, or several of these.

    Completed tries are successes; failed, expired and timed out ones are failures unless they are
    blameless, as in an agent's counters. By skill, a try counts for each skill that its task
    requires (by its key), and those without requirements do not count.

    Raises:
        ValidationError: `by` names something else, or confidence is not between 0 and 1.
        AnalysisError: the graph's tries cannot be read; see `Timeline`.
    """
    keys = _keys(by)
    _quantile(confidence)
    found: dict[Group, Counter[bool | None]] = {}
    for one in Timeline.of(graph).tries:
        for group in _groups(one, keys):
            found.setdefault(group, Counter())[one.is_success] += 1
    return SuccessRates(keys, tuple(_rate(it, found[it], confidence) for it in _ordered(found)))


def time_use(graph: Given, by: Key | Sequence[Key] = "task_type") -> TimeUses:
    """How long tries waited and how long they were worked on; `by=()` takes all together.

    A task waits from when it was created and due until it was started, and after a try that did
    not succeed from that one's end (and pause) until the next start; so over all tries of a task
    waiting and working add up to the time that it took.

    Raises:
        ValidationError: `by` names something else than agent, skill or task_type.
        AnalysisError: the graph's tries cannot be read; see `Timeline`.
    """
    keys = _keys(by)
    found: dict[Group, list[Try]] = {}
    tries = Timeline.of(graph).tries
    for one in tries:
        for group in _groups(one, keys):
            found.setdefault(group, []).append(one)
    rows = tuple(_time_use(group, found[group]) for group in _ordered(found))
    return TimeUses(keys, rows, tuple(odd for one in tries for odd in _oddities(one)))


def retries(graph: Given, by: Key | Sequence[Key] = "task_type") -> RetryUses:
    """How often tasks were tried, and what came of it.

    By `agent`, a task counts for each agent that tried it, with that agent's tries.

    Raises:
        ValidationError: `by` names something else than agent, skill or task_type.
        AnalysisError: the graph's tries cannot be read; see `Timeline`.
    """
    keys = _keys(by)
    found: dict[Group, list[tuple[TriedTask, list[Try]]]] = {}
    for task in Timeline.of(graph).tasks:
        for group, tries in _tries_by_group(task, keys).items():
            found.setdefault(group, []).append((task, tries))
    return RetryUses(keys, tuple(_retry_use(it, found[it]) for it in _ordered(found)))


def spread(values: Iterable[float | None]) -> Spread:
    """What there is to say of some durations in seconds, None where one is missing."""
    given = list(values)
    known = [value for value in given if value is not None]
    good = np.array([value for value in known if value >= 0], dtype=float)
    counts = (len(good), len(given) - len(known), len(known) - len(good))
    if not len(good):
        return Spread(*counts, 0.0, None, None, None, None, None)
    p50, p90, p99 = np.percentile(good, [50, 90, 99]).tolist()
    return Spread(*counts, float(good.sum()), float(good.mean()), p50, p90, p99, float(good.max()))


def _quantile(confidence: float) -> float:
    if RATIO.of("confidence", confidence) in (None, 0, 1):
        raise ValidationError(f"confidence: {confidence!r} is not between 0 and 1")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _keys(by: Key | Sequence[Key]) -> tuple[Key, ...]:
    if not isinstance(by, str | list | tuple):
        raise ValidationError(f"by: {by!r} is neither a key nor a list of keys")
    keys: tuple[Any, ...] = (by,) if isinstance(by, str) else tuple(by)
    if wrong := [key for key in keys if key not in get_args(Key)]:
        raise ValidationError(f"by: {wrong[0]!r} is not one of {', '.join(get_args(Key))}")
    return tuple(dict.fromkeys(keys))


def _groups(one: Try, keys: tuple[Key, ...]) -> Iterator[Group]:
    for skill in one.skills if "skill" in keys else (None,):
        of = {"agent": one.agent, "skill": skill, "task_type": one.task_type}
        yield tuple(of[key] for key in keys)


def _ordered(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: [by_name(part) for part in group])


def _rate(group: Group, counts: Counter[bool | None], confidence: float) -> SuccessRate:
    n = counts[True] + counts[False]
    interval = wilson(counts[True], n, confidence)
    return SuccessRate(group, n, counts[True], counts[None], interval)


def _time_use(group: Group, tries: list[Try]) -> TimeUse:
    both = [(one.wait, one.work) for one in tries]
    known = [(wait, work) for wait, work in both if wait is not None and work is not None]
    sound = [(wait, work) for wait, work in known if wait >= 0 and work >= 0]
    waited = sum(wait for wait, _ in sound)
    total = waited + sum(work for _, work in sound)
    return TimeUse(
        group,
        len(tries),
        spread(one.wait for one in tries),
        spread(one.queue for one in tries),
        spread(one.work for one in tries),
        spread(one.turnaround for one in tries),
        waited / total if total else None,
    )


def _oddities(one: Try) -> Iterator[Oddity]:
    parts = ("wait", one.wait), ("queue", one.queue), ("work", one.work)
    for what, value in (*parts, ("turnaround", one.turnaround)):
        if value is not None and value < 0:
            yield Oddity(one.task, one.attempt, what, value)  # type: ignore[arg-type]


def _tries_by_group(task: TriedTask, keys: tuple[Key, ...]) -> dict[Group, list[Try]]:
    found: dict[Group, list[Try]] = {}
    for one in task.tries:
        for group in _groups(one, keys):
            found.setdefault(group, []).append(one)
    if not task.tries and "agent" not in keys:
        unknown = None, None, None, None, None, None
        blank = Try(task.task, task.task_type, task.skills, None, 0, *unknown)
        found = {group: [] for group in _groups(blank, keys)}
    return found


def _first_end(task: TriedTask) -> Try | None:
    """The first try that did not end since its handler waited."""
    return next((one for one in task.tries if one.outcome != SUSPENDED), None)


def _retry_use(group: Group, tasks: list[tuple[TriedTask, list[Try]]]) -> RetryUse:
    tries = [one for _, some in tasks for one in some]
    failed = (one.work for one in tries if one.outcome not in (None, SUCCEEDED, SUSPENDED))
    outcomes = Counter(one.outcome for one in tries if one.outcome is not None)
    return RetryUse(
        group,
        len(tasks),
        sum(not some for _, some in tasks),
        len(tries),
        sum(any(one.outcome in FAILED for one in some) and len(some) > 1 for _, some in tasks),
        max((len(some) for _, some in tasks), default=0),
        sum(
            one is _first_end(task) and one.is_success is True
            for task, some in tasks
            for one in some
        ),
        sum(any(one.is_success for one in some) for _, some in tasks),
        spread(failed).total,
        tuple(sorted(outcomes.items())),
    )
