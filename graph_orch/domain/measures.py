"""What is counted of events: totals since a process began, and the last hour. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from graph_orch.domain.characters import visible
from graph_orch.domain.lifecycle import EventType

MICROSECONDS = 1_000_000
_STEPS = (100, 125, 160, 200, 250, 315, 400, 500, 630, 800)
"""Ten numbers a decade, each about a quarter more than the one before: a percentile that is read
from such buckets is off by less than that."""
BOUNDS = tuple(step * 10**power for power in range(1, 9) for step in _STEPS)
"""The upper bounds of buckets of time, in microseconds: from a millisecond to 80,000 seconds."""
TOLD = [i for i, it in enumerate(BOUNDS) if it in range(5_000, 10**10 + 1) and i % 10 in (0, 4, 7)]
"""The places in BOUNDS of those bounds that metrics tell: 5 ms, 10 ms, 25 ms … 10,000 s."""
SLOT_SECONDS = 10
SLOTS = 360
"""How many slots of time are kept: an hour."""
MOST_TYPES = 50
OTHER = "other"
"""The label of the task types beyond MOST_TYPES, since each label costs a time series for ever."""
OVERDUE = frozenset({"lease", "start_to_close", "schedule_to_start", "schedule_to_close"})
"""The reasons of events that say which time of a task or a try ran out."""
FAILED = frozenset({EventType.TRY_FAILED, EventType.FAILED})


@dataclass(frozen=True)
class Counted:
    """Events that are alike, as `events/measured` counts them."""

    type: str
    reason: str | None
    task_type: str
    slot: int
    """When the ten seconds began in which they happened, in seconds since 1970."""
    bucket: int | None
    """How many of BOUNDS they exceeded; None: how long it took is not known."""
    number: int
    took: int | None
    """The sum of how long they took, in microseconds."""


@dataclass
class Histogram:
    """How long things took, by the buckets of BOUNDS."""

    numbers: Counter[int] = field(default_factory=Counter[int])
    took: int = 0
    """The sum, in microseconds."""

    def add(self, other: Histogram) -> None:
        """Count what another histogram counted."""
        self.numbers.update(other.numbers)
        self.took += other.took

    def count(self, counted: Counted) -> None:
        """Count events, where it is known how long what they end took."""
        if counted.bucket is not None:
            self.numbers[counted.bucket] += counted.number
            self.took += counted.took or 0

    def told(self) -> Spread:
        """The same by the bounds that metrics tell."""
        upto = [*accumulate(self.numbers[i] for i in range(len(BOUNDS) + 1))]
        return Spread(tuple(upto[i] for i in TOLD), upto[-1], self.took / MICROSECONDS)

    def percentiles(self) -> Percentiles:
        """The percentiles, each as if what a bucket holds were spread evenly over it."""
        numbers = [self.numbers[i] for i in range(len(BOUNDS) + 1)]
        return Percentiles(sum(numbers), *(_percentile(numbers, it) for it in (0.5, 0.95, 0.99)))


@dataclass(frozen=True)
class Spread:
    """A histogram as metrics tell it: how many took no longer than each bound of TOLD, in all, and
    how many seconds they took together."""

    upto: tuple[int, ...]
    number: int
    seconds: float


@dataclass(frozen=True)
class Percentiles:
    """How long things took, in seconds; None where there are none."""

    number: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True)
class Slot:
    """What happened in some seconds."""

    at: datetime
    """When they began, UTC, by the server's clock."""
    created: int
    started: int
    completed: int
    retried: int
    """Tries that failed, and that another follows."""
    failed: int
    cancelled: int
    waits: Percentiles
    """How long tasks waited from when they were ready until their try was started."""
    runs: Percentiles
    """How long tries ran from their start to their end, whatever that was."""

    @property
    def ended(self) -> int:
        """Tasks that were completed, failed or were cancelled."""
        return self.completed + self.failed + self.cancelled


@dataclass(frozen=True)
class Recent:
    """The last hour: slots without a gap, the oldest first, and the percentiles of all of it."""

    slots: tuple[Slot, ...]
    step_seconds: int
    waits: Percentiles
    runs: Percentiles
    upto: datetime | None
    """Until when it tells, by the server's clock; None: the store has not answered yet."""


@dataclass
class _Kept:
    """What is kept of a slot."""

    events: Counter[str] = field(default_factory=Counter[str])
    waits: Histogram = field(default_factory=Histogram)
    runs: Histogram = field(default_factory=Histogram)

    def count(self, counted: Counted) -> None:
        self.events[counted.type] += counted.number
        (self.waits if counted.type == EventType.STARTED else self.runs).count(counted)

    def add(self, other: _Kept) -> None:
        self.events.update(other.events)
        self.waits.add(other.waits)
        self.runs.add(other.runs)


class Ring:
    """The last hour of a log, in slots of ten seconds, by the time of the events."""

    def __init__(self) -> None:
        self._kept: defaultdict[int, _Kept] = defaultdict(_Kept)

    def count(self, counted: Iterable[Counted], now: int) -> None:
        """Count events, and forget what is older than an hour.

        Args:
            now: The server's time, in seconds since 1970.
        """
        oldest = _oldest(now)
        for one in counted:
            if one.slot >= oldest:
                self._kept[one.slot].count(one)
        for slot in [it for it in self._kept if it < oldest]:
            del self._kept[slot]

    def recent(self, now: int | None, step_seconds: int = SLOT_SECONDS) -> Recent:
        """The last hour until `now`, in steps of so many seconds, which are a multiple of ten."""
        if now is None:
            nothing = Histogram().percentiles()
            return Recent((), step_seconds, nothing, nothing, None)
        begin = _oldest(now) // step_seconds * step_seconds
        steps = {at: _Kept() for at in range(begin, now + 1, step_seconds)}
        whole = _Kept()
        for slot, kept in [*self._kept.items()]:
            if slot in range(begin, now + 1):
                steps[slot // step_seconds * step_seconds].add(kept)
                whole.add(kept)
        return Recent(
            tuple(_slot(at, kept) for at, kept in steps.items()),
            step_seconds,
            whole.waits.percentiles(),
            whole.runs.percentiles(),
            datetime.fromtimestamp(now, UTC),
        )


class Labels:
    """The labels of task types: the first MOST_TYPES have their own, and all others share one.

    A type keeps the label that it has, as a counter must never go back.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def commonest(self, numbers: Mapping[str, int]) -> None:
        """Give labels to the commonest types, while there are some left."""
        for task_type in sorted(numbers, key=lambda it: (-numbers[it], it)):
            self.of(task_type)

    def of(self, task_type: str) -> str:
        """The label of a type. What drives a terminal or breaks a line is spelled out in it."""
        if task_type not in self._known and len(self._known) < MOST_TYPES:
            self._known[task_type] = visible(task_type)
        return self._known.get(task_type, OTHER)


class Totals:
    """What happened since a process began to count."""

    def __init__(self) -> None:
        self.labels = Labels()
        self.events: Counter[tuple[str, str]] = Counter()
        """By the type of the event, and the label of the task's type."""
        self.overdue: Counter[tuple[str, str]] = Counter()
        """By which time ran out, and the label."""
        self.waits: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.runs: defaultdict[str, Histogram] = defaultdict(Histogram)

    def count(self, counted: Sequence[Counted]) -> None:
        """Count events."""
        numbers: Counter[str] = Counter()
        for one in counted:
            numbers[one.task_type] += one.number
        self.labels.commonest(numbers)
        for one in counted:
            label = self.labels.of(one.task_type)
            self.events[one.type, label] += one.number
            if one.type in FAILED and one.reason in OVERDUE:
                self.overdue[one.reason, label] += one.number
            if one.bucket is not None:
                times = self.waits if one.type == EventType.STARTED else self.runs
                times[label].count(one)


def bound_names() -> list[str]:
    """The label `le` of each bucket that metrics tell, in seconds; the last holds all."""
    return [*(f"{BOUNDS[i] / MICROSECONDS:g}" for i in TOLD), "+Inf"]


def _oldest(now: int) -> int:
    """When the first slot of the hour before `now` began."""
    return (now // SLOT_SECONDS - SLOTS + 1) * SLOT_SECONDS


def _slot(at: int, kept: _Kept) -> Slot:
    return Slot(
        datetime.fromtimestamp(0, UTC) + timedelta(seconds=at),
        created=kept.events[EventType.CREATED],
        started=kept.events[EventType.STARTED],
        completed=kept.events[EventType.COMPLETED],
        retried=kept.events[EventType.TRY_FAILED],
        failed=kept.events[EventType.FAILED],
        cancelled=kept.events[EventType.CANCELLED],
        waits=kept.waits.percentiles(),
        runs=kept.runs.percentiles(),
    )


def _percentile(numbers: Sequence[int], share: float) -> float | None:
    """The time in seconds that a share of all did not exceed."""
    upto = [*accumulate(numbers)]
    if not upto[-1]:
        return None
    wanted = share * upto[-1]
    bucket = bisect_left(upto, wanted)
    low = BOUNDS[bucket - 1] if bucket else 0
    high = BOUNDS[min(bucket, len(BOUNDS) - 1)]  # beyond the last bound nothing is known
    within = 1 - (upto[bucket] - wanted) / numbers[bucket]
    return (low + (high - low) * within) / MICROSECONDS
