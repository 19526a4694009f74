"""Durations with a unit: 30d, 12h, 90m, 45s."""

from __future__ import annotations

import re

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
