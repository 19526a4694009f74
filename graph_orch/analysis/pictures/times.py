"""Scales: round steps for numbers, and units for time, chosen by how long it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
Ticks = list[tuple[float, str]]
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_LEAST = 3
"""A unit is used for spans of at least three of it."""
_CLOCK_STEPS = (
    *(MINUTE * step for step in (1, 2, 5, 10, 15, 30)),
    *(HOUR * step for step in (1, 2, 3, 6, 12)),
    *(DAY * step for step in (1, 2, 7, 14, 28, 91, 182, 364)),
)
CLOCK_FROM = 6 * HOUR
"""Spans of times of day that are this long or longer are shown as times of day."""


def nice_step(span: float, most: int) -> float:
    """1, 2 or 5 times a power of ten, so that at most `most` of them are in the span."""
    if not span > 0:
        return 1.0
    least = span / most
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def nice_steps(highest: float, most: int = 8) -> list[float]:
    """Round numbers from 0 to the highest, whole ones."""
    step = max(nice_step(highest, most), 1.0)
    return [step * at for at in range(int(highest / step) + 1)]


def scale(start: float, end: float, is_clock: bool, most: int) -> tuple[Ticks, str]:
    """Ticks between two times in seconds, at most about `most`, and the name of the axis.

    Times of day (`is_clock`, seconds since 1970) are UTC where they span six hours or more; else,
    and for other times, they are counted from the start in the unit that fits.
    """
    if is_clock and end - start >= CLOCK_FROM:
        return _of_clock(start, end, most), "time (UTC)"
    unit, name = unit_of(end - start)
    step = nice_step((end - start) / unit, most)
    first = math.ceil(start / unit / step - 1e-9) if not is_clock else 0
    origin = start if is_clock else 0.0
    number = math.floor((end - origin) / unit / step + 1e-9) - first + 1
    ticks = [
        (origin + (first + at) * step * unit, f"{(first + at) * step:,.10g}")
        for at in range(number)
    ]
    return ticks, f"time since {moment(start)} ({name})" if is_clock else f"time ({name})"


def unit_of(span: float) -> tuple[float, str]:
    """The seconds in the unit that fits a span, and its symbol."""
    return next(
        (it for it in _UNITS if span >= _LEAST * it[0]), _UNITS[-1] if span > 0 else _UNITS[3]
    )


def duration(span: float) -> str:
    """A span of seconds in words: 1.5 min."""
    seconds, name = unit_of(span)
    return f"{span / seconds:,.3g} {name}"


def moment(seconds: float) -> str:
    """A time in seconds since 1970, as it is written: 2026-03-02 09:00:00 UTC."""
    found = _datetime(seconds)
    return f"{found:%Y-%m-%d %H:%M:%S} UTC" if found else f"{seconds:g} s"


def _of_clock(start: float, end: float, most: int) -> Ticks:
    least = (end - start) / most
    step = next(
        (it for it in _CLOCK_STEPS if it >= least), DAY * 364 * math.ceil(least / DAY / 364)
    )
    form = "%Y-%m-%d" if step >= DAY else "%H:%M"
    return _told(range(math.ceil(start / step), int(end // step) + 1), step, form)


def _told(steps: Sequence[int], step: float, form: str) -> Ticks:
    """Times with their names; where the day is new, or first, with its date."""
    found: Ticks = []
    day = ""
    for number in steps:
        if (at := _datetime(number * step)) is None:
            continue
        date = f"{at:%Y-%m-%d}"
        text = f"{at:{form}}" if step >= DAY or date == day else f"{at:%H:%M}\n{date}"
        found.append((number * step, text))
        day = date
    return found


def _datetime(seconds: float) -> datetime | None:
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
