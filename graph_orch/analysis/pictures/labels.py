"""Labels that do not overlap: the most important first, each where there is room, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patheffects import withStroke

from graph_orch.analysis.pictures.colours import INK
from graph_orch.analysis.pictures.texts import LONGEST, families, plain, shorten

if TYPE_CHECKING:
    import numpy.typing as npt

    from graph_orch.analysis.pictures.sheet import Sheet

    Boxes = npt.NDArray[np.float64]

_AIR = 2.0
"""Pixels between two labels."""
BESIDE = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.8, 0.8), (0.8, -0.8), (-0.8, 0.8), (-0.8, -0.8))
INSIDE = ((0, 0),)
AROUND = ((0, 0), (0, -0.6), (0, 0.6), *BESIDE)
_SIDES = {-1: "right", 0: "center", 1: "left"}
_ENDS = {-1: "top", 0: "center", 1: "bottom"}


@dataclass(frozen=True)
class Label:
    """A text that is wanted at a point (data coordinates), `away` points from its centre."""

    text: str
    at: tuple[float, float]
    away: float = 0.0
    size: float = 8.0
    colour: str = INK
    weight: str = "normal"
    spots: tuple[tuple[float, float], ...] = BESIDE
    longest: int = 28
    boxed: bool = False


def place(
    sheet: Sheet, labels: Iterable[Label], covered: Boxes | None = None, most_covered: int = 0
) -> int:
    """Draw each label at the first of its spots that is free; how many were drawn.

    `covered`: boxes in pixels (x0, y0, x1, y1) of what is drawn already; a label may hide at most
    `most_covered` of them, and takes the spot where it hides the fewest.
    """
    taken: list[Any] = []
    others = np.empty((0, 4)) if covered is None else covered
    for label in labels:
        text = _text(sheet, label)
        found = _best(sheet, text, label, np.array(taken).reshape(-1, 4), others, most_covered)
        if found is None:
            text.remove()
        else:
            taken.append(found)
    return len(taken)


def write_within(
    sheet: Sheet,
    text: str,
    room: tuple[float, float],
    y: float,
    *,
    size: float,
    weight: str = "normal",
    colour: str = INK,
    above: int = 0,
    least: int = 3,
    boxed: bool = False,
) -> bool:
    """Write a line between two places on the x axis, shortened to fit; whether there was room.

    `above` is 1 for the upper of two lines, -1 for the lower, 0 for a line alone.
    """
    left, right = sheet.axes.transData.transform([(room[0], y), (room[1], y)])[:, 0]
    text = plain(text)
    limit = min(len(text), LONGEST)
    wanted = Label(text, (room[0], y), 0, size, colour, weight, INSIDE, limit, boxed)
    artist = _text(sheet, wanted)
    artist.set_position((2.5, above * size * 0.66))
    artist.set_verticalalignment("center")
    width = right - left - 5 * sheet.figure.dpi / 72
    least = min(limit, least)
    if width < least * size / 4:  # hopeless; measuring takes time
        artist.remove()
        return False
    while sheet.measure(artist).width > width and limit > least:
        limit -= 1
        artist.set_text(shorten(text, limit))
    if sheet.measure(artist).width <= width:
        return True
    artist.remove()
    return False


def boxes(sheet: Sheet, points: Boxes, radii: Boxes) -> Boxes:
    """The boxes in pixels around points (data coordinates) with radii in points."""
    centres = sheet.axes.transData.transform(points)
    reach = (radii * sheet.figure.dpi / 72)[:, None]
    return np.hstack([centres - reach, centres + reach])


def _text(sheet: Sheet, label: Label) -> Any:
    text: Any = sheet.axes.annotate(
        shorten(label.text, label.longest),
        label.at,
        xytext=(0, 0),
        textcoords="offset points",
        fontsize=label.size,
        color=label.colour,
        fontweight=label.weight,
        family=families(),
        zorder=10,
        annotation_clip=False,
        parse_math=False,
        usetex=False,
    )
    if label.boxed:
        text.set_bbox({"boxstyle": "round,pad=0.15", "fc": "white", "alpha": 0.8, "lw": 0})
    elif label.spots is not INSIDE:
        text.set_path_effects([withStroke(linewidth=2.2, foreground="white", alpha=0.85)])
    return text


def _best(
    sheet: Sheet, text: Any, label: Label, taken: Boxes, covered: Boxes, most: int
) -> Boxes | None:
    found: tuple[int, int] | None = None
    held: Boxes | None = None
    for rank, spot in enumerate(label.spots):
        box = _move(sheet, text, label, spot)
        if not _within(sheet, box) or _hits(taken, box, _AIR):
            continue
        hidden = _hits(covered, box, 0.0)
        if hidden <= most and (found is None or hidden < found[0]):
            found, held = (hidden, rank), box
            if hidden == 0:
                break
    if found is not None:
        _move(sheet, text, label, label.spots[found[1]])
    return held


def _move(sheet: Sheet, text: Any, label: Label, spot: tuple[float, float]) -> Boxes:
    x, y = spot
    gap = label.away + (1.5 if (x or y) else 0)
    text.set_position((x * gap, y * gap))
    text.set_horizontalalignment(_SIDES[int(np.sign(x))])
    text.set_verticalalignment(_ENDS[int(np.sign(y))])
    found = sheet.measure(text)
    return np.array([found.x0, found.y0, found.x1, found.y1])


def _within(sheet: Sheet, box: Boxes) -> bool:
    room = sheet.axes.get_window_extent()
    return bool(room.x0 <= box[0] and box[2] <= room.x1 and room.y0 <= box[1] and box[3] <= room.y1)


def _hits(others: Boxes, box: Boxes, air: float) -> int:
    if not len(others):
        return 0
    apart = (
        (others[:, 0] >= box[2] + air)
        | (others[:, 2] <= box[0] - air)
        | (others[:, 1] >= box[3] + air)
        | (others[:, 3] <= box[1] - air)
    )
    return int((~apart).sum())
