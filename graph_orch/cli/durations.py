"""Durations with a unit: 30d, 12h, 90m, 45s."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import typer

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?P<number>\d{1,9}(\.\d{1,9})?)(?P<unit>[smhdw])", re.ASCII)


def seconds(text: str) -> float:
    """The seconds of a duration such as `30d`.

    Raises:
        typer.BadParameter: the text is not a number with one of the units s, m, h, d and w.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise typer.BadParameter(
            f"{text!r:.100} is no duration; give one like 30d, 12h, 90m or 45s"
        )
    return float(found["number"]) * UNITS[found["unit"]]


def lasting(seconds: float) -> str:
    """How long something lasts, in the largest unit of which it is at least one: 45 s, 3 min."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


def ago(moment: datetime | None) -> str:
    """How long ago a moment was: "3 min ago"; "just now" also where clocks differ."""
    if moment is None:
        return ""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return "just now" if seconds < 1 else f"{lasting(seconds)} ago"


def milliseconds(value: float) -> str:
    """A duration in milliseconds, with the unit in which it is read: 340 ms, 2.5 s, 3 min."""
    if value < 1_000:
        return f"{value:.0f} ms"
    return f"{value / 1_000:.1f} s" if value < 60_000 else lasting(value / 1_000)
