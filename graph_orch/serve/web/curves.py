"""Curves of the last hour, as SVG that a template writes: no script draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from graph_orch.domain.measures import Slot

Value = Callable[[Slot], float | None]
WIDE, HIGH = 600, 110
STEPS = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Line:
    """One curve: its name, and its points as `polyline` takes them."""

    name: str
    points: str


@dataclass(frozen=True)
class Curves:
    """Some curves over the same time, and the largest value of the scale."""

    title: str
    unit: str
    lines: Sequence[Line]
    top: float
    begins: datetime
    ends: datetime
    width: int = WIDE
    height: int = HIGH


def curves(
    title: str,
    unit: str,
    slots: Sequence[Slot],
    values: Mapping[str, Value],
) -> Curves | None:
    """Curves of values of each slot, from 0 to a round number; None where there are no slots."""
    if len(slots) < 2:
        return None
    found = {name: [value(slot) or 0.0 for slot in slots] for name, value in values.items()}
    top = _round_up(max(max(it) for it in found.values()))
    right = WIDE / (len(slots) - 1)
    lines = [
        Line(name, " ".join(f"{n * right:.1f},{HIGH * (1 - it / top):.1f}" for n, it in each))
        for name, each in ((name, list(enumerate(them))) for name, them in found.items())
    ]
    return Curves(title, unit, lines, top, slots[0].at, slots[-1].at)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20 … that is not below a value, or of 0.1, 0.2, 0.5 below 1."""
    size = 0.001
    while True:
        for step in STEPS:
            if value <= step * size:
                return step * size
        size *= 10
