"""Labels that do not overlap: the most important first, each where there is room, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.patheffects import withStroke

from graph_orch.analysis.pictures.marks import INK
from graph_orch.analysis.pictures.sheet import DPI, Sheet
from graph_orch.analysis.pictures.texts import LONGEST, Floats, families, fit, plain, shorten

_AIR = 2.0
"""Pixels between two labels."""
BESIDE = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.8, 0.8), (0.8, -0.8), (-0.8, 0.8), (-0.8, -0.8))
AROUND = ((0, 0), (0, -0.6), (0, 0.6), *BESIDE)


@dataclass(frozen=True)
class Label:
    """A text that is wanted at a point (data coordinates), `away` points from its centre."""

    text: str
    at: tuple[float, float]
    away: float = 0.0
    size: float = 8.0
    weight: str = "normal"
    spots: tuple[tuple[float, float], ...] = BESIDE
    longest: int = 28
    boxed: bool = False


def place(
    sheet: Sheet, labels: Iterable[Label], covered: Floats | None = None, most_covered: int = 0
) -> None:
    """Draw each label at the first of its spots that is free.

    `covered`: boxes in pixels (x0, y0, x1, y1) of what is drawn already; a label may hide at most
    `most_covered` of them, and takes the spot where it hides the fewest.
    """
    room = sheet.axes.get_window_extent()
    others = np.empty((0, 4)) if covered is None else covered
    taken: list[Floats] = []
    for label in labels:
        text = _write(sheet, label.at, label.size, label.weight, boxed=label.boxed)
        text.set_text(shorten(label.text, label.longest))
        if not label.boxed:
            text.set_path_effects([withStroke(linewidth=2.2, foreground="white", alpha=0.85)])
        centred = text.get_window_extent().extents  # measured once: that takes time
        best: tuple[Any, Floats] | None = None
        hidden = most_covered + 1
        for spot in np.array(label.spots):
            gap = label.away + 1.5 * bool(spot.any())
            shift = spot * gap * DPI / 72 + np.sign(spot) * (centred[2:] - centred[:2]) / 2
            box = centred + np.tile(shift, 2)
            within = room.contains(*box[:2]) and room.contains(*box[2:])
            free = within and not _hits(np.array(taken).reshape(-1, 4), box, _AIR)
            if free and (now := _hits(others, box, 0)) < hidden:
                best, hidden = (shift, box), now
            if hidden == 0:
                break
        if best is None:
            text.remove()
        else:
            text.set_position(best[0] * 72 / DPI)
            taken.append(best[1])


def write_between(
    sheet: Sheet,
    words: str,
    left: float,
    right: float,
    y: float,
    *,
    size: float,
    weight: str = "normal",
    colour: str = INK,
    above: int = 0,
    least: int = 3,
    boxed: bool = False,
) -> None:
    """Write a line between two places on the x axis, shortened to fit, where there is room.

    `above` is 1 for the upper of two lines, -1 for the lower, 0 for a line alone.
    """
    start, end = sheet.axes.transData.transform([(left, y), (right, y)])[:, 0]
    width = end - start - 5 * DPI / 72
    limit = min(len(plain(words)), LONGEST)
    if width < min(limit, least) * size / 4:  # hopeless; measuring takes time
        return
    text = _write(sheet, (left, y), size, weight, colour, boxed)
    text.set_position((2.5, above * size * 0.66))
    text.set_horizontalalignment("left")
    if not fit(text, width, lambda most: shorten(words, most), limit, min(limit, least)):
        text.remove()


def boxes(sheet: Sheet, points: Floats, radii: Floats) -> Floats:
    """The boxes in pixels around points (data coordinates) with radii in points."""
    centres = sheet.axes.transData.transform(points)
    reach = (radii * DPI / 72)[:, None]
    return np.hstack([centres - reach, centres + reach])


def _write(
    sheet: Sheet,
    at: tuple[float, float],
    size: float,
    weight: str,
    colour: str = INK,
    boxed: bool = False,
) -> Any:
    box = {"boxstyle": "round,pad=0.15", "fc": "white", "alpha": 0.8, "lw": 0}
    return sheet.axes.annotate(
        "",
        at,
        xytext=(0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=size,
        fontweight=weight,
        color=colour,
        family=families(),
        bbox=box if boxed else None,
        zorder=10,
        annotation_clip=False,
        parse_math=False,
        usetex=False,
    )


def _hits(others: Floats, box: Floats, air: float) -> int:
    """How many of the other boxes overlap this one, or are less than `air` away."""
    overlap = (others[:, :2] < box[2:] + air) & (others[:, 2:] > box[:2] - air)
    return int(overlap.all(axis=1).sum())
