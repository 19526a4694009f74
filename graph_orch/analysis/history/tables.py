"""What is told of past tries: rows by groups, and tables of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import astuple, dataclass
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

Key = Literal["agent", "skill", "task_type"]
Group = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a proportion."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SuccessRate:
    """How often tries of a group succeeded: `successes` of `n`, nothing smoothed or shrunk.

    `interval` is Wilson's. `others` are tries that count neither way: released, cancelled,
    blameless (see `TaskTry`), still going, or with an outcome that is not known.
    """

    group: Group
    n: int
    successes: int
    others: int
    interval: Interval

    @property
    def rate(self) -> float | None:
        """The share of successes; None with no tries that count."""
        return self.successes / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class SuccessRates:
    """Success by groups, in the order of their names."""

    by: tuple[Key, ...]
    rows: tuple[SuccessRate, ...]

    def of(self, *group: Hashable) -> SuccessRate:
        """The row of a group, such as `of("ada", "python")` by agent and skill.

        Raises:
            KeyError: there is no such group.
        """
        return _row_of(self.rows, group)

    def to_frame(self) -> pd.DataFrame:
        """A row for each group: its keys, n, successes, others, rate, low, high."""
        rows = [
            (*row.group, row.n, row.successes, row.others, row.rate, *astuple(row.interval))
            for row in self.rows
        ]
        return _frame(rows, [*self.by, "n", "successes", "others", "rate", "low", "high"])


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds, of `n` that are known and not negative; `missing` and `negative` are how many not.

    The numbers are None with n = 0. Percentiles are interpolated linearly.
    """

    n: int
    missing: int
    negative: int
    total: float
    mean: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class TimeUse:
    """Where the time of a group's tries went. See `Try` for what each duration is.

    `waiting_share` is waiting as a share of waiting and working, over the tries of which both are
    known and not negative; None where there is no such time.
    """

    group: Group
    tries: int
    wait: Spread
    queue: Spread
    work: Spread
    turnaround: Spread
    waiting_share: float | None


@dataclass(frozen=True, slots=True)
class Oddity:
    """A duration of a try that is negative: its times are not in order. `seconds` says how far."""

    task: Hashable
    attempt: int
    what: Literal["wait", "queue", "work", "turnaround"]
    seconds: float


@dataclass(frozen=True, slots=True)
class TimeUses:
    """Where time went, by groups in the order of their names, and what cannot be right."""

    by: tuple[Key, ...]
    rows: tuple[TimeUse, ...]
    oddities: tuple[Oddity, ...]

    def of(self, *group: Hashable) -> TimeUse:
        """The row of a group; KeyError if there is none."""
        return _row_of(self.rows, group)

    def to_frame(self) -> pd.DataFrame:
        """A row for each group: its keys, tries, waiting_share, wait_p50, … (seconds)."""
        parts = ("wait", "queue", "work", "turnaround")
        fields = [field.name for field in dataclass_fields(Spread)]
        names = [f"{part}_{name}" for part in parts for name in fields]
        rows = [(*row.group, row.tries, row.waiting_share, *_numbers(row)) for row in self.rows]
        return _frame(rows, [*self.by, "tries", "waiting_share", *names])


@dataclass(frozen=True, slots=True)
class RetryUse:
    """What was tried again in a group of tasks.

    `first_try` of the tasks succeeded at once, `succeeded` at last; `lost_seconds` is the work of
    tries that did not succeed. `outcomes` are those of all tries, with how often each came.
    """

    group: Group
    tasks: int
    untried: int
    tries: int
    retried: int
    most: int
    first_try: int
    succeeded: int
    lost_seconds: float
    outcomes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RetryUses:
    """Retries by groups, in the order of their names."""

    by: tuple[Key, ...]
    rows: tuple[RetryUse, ...]

    def of(self, *group: Hashable) -> RetryUse:
        """The row of a group; KeyError if there is none."""
        return _row_of(self.rows, group)

    def to_frame(self) -> pd.DataFrame:
        """A row for each group: its keys, then the fields of `RetryUse` but `outcomes`."""
        fields = ("tasks", "untried", "tries", "retried", "most", "first_try", "succeeded")
        names = [*fields, "lost_seconds"]
        rows = [(*row.group, *(getattr(row, name) for name in names)) for row in self.rows]
        return _frame(rows, [*self.by, *names])


def _row_of(rows: Iterable[Any], group: Group) -> Any:
    """The row of a group; KeyError if there is none."""
    for row in rows:
        if row.group == group:
            return row
    raise KeyError(group)


def _numbers(row: TimeUse) -> tuple[object, ...]:
    parts = (row.wait, row.queue, row.work, row.turnaround)
    return tuple(value for part in parts for value in astuple(part))


def _frame(rows: Sequence[tuple[object, ...]], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns))
