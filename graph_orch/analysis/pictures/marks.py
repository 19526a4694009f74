"""Colours, markers, hatches, curves: every meaning has a colour and a shape; either is enough.

The colours are those of Okabe and Ito, "Color Universal Design" (2008), which people with any of
the common colour vision deficiencies can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path

from graph_orch.analysis.pictures.texts import Floats
from graph_orch.domain.lifecycle import TaskStatus

MOST_PATHS = 4_000
_CODES = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
BLACK, GREY, PALE, WHITE = "#000000", "#6e6e6e", "#d9d9d9", "#ffffff"
ORANGE, SKY, GREEN, YELLOW = "#e69f00", "#56b4e9", "#009e73", "#f0e442"
BLUE, VERMILLION, PURPLE = "#0072b2", "#d55e00", "#cc79a7"
INK, LIGHT, BAND = "#222222", "#bdbdbd", "#f3f3f3"

GROUPS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW)
"""What tells groups apart, the largest first; the groups after these are grey."""
KINDS = {
    "Agent": BLUE,
    "Skill": ORANGE,
    "Team": PURPLE,
    "Task": GREEN,
    "Gate": YELLOW,
    "Budget": SKY,
}
RELATIONS = {
    "HAS_SKILL": LIGHT,
    "DEPENDS_ON": GREY,
    "ASSIGNED_TO": BLUE,
    "REQUIRES": SKY,
    "MEMBER_OF": PURPLE,
    "WAITS_FOR": ORANGE,
    "CHARGES": VERMILLION,
    "HAS_BUDGET": VERMILLION,
}
HEAT = colormaps["cividis"]
"""Gets lighter evenly, and is the same to people with and without a colour vision deficiency."""


@dataclass(frozen=True)
class Style:
    """How one kind of thing looks."""

    colour: str
    marker: str = "o"
    hatch: str = ""


UNKNOWN = "unknown"
OPEN_GATE, DECIDED_GATE = "gate, open", "gate, decided"
STATUSES: Mapping[str, Style] = {
    TaskStatus.PENDING: Style(LIGHT, "o"),
    TaskStatus.ASSIGNED: Style(YELLOW, "D", ".."),
    TaskStatus.RUNNING: Style(SKY, ">", "//"),
    TaskStatus.COMPLETED: Style(GREEN, "s"),
    TaskStatus.FAILED: Style(VERMILLION, "X", "xx"),
    TaskStatus.CANCELLED: Style(PURPLE, "P", "\\\\"),
    UNKNOWN: Style(WHITE, "h"),  # the status is missing, or has a value that nobody knows
}

GATES: Mapping[str, Style] = {OPEN_GATE: Style(ORANGE, "d", "--"), DECIDED_GATE: Style(BLUE, "v")}
SHOWN: Mapping[str, Style] = {**STATUSES, **GATES}
"""What the nodes of a picture of tasks can be."""

LIVE, PLANNED, OTHER, HELD = "still held", "planned", "other", "assigned, not started"
STEP = "step of its handler"
OUTCOMES: Mapping[str, Style] = {
    "completed": Style(GREEN),
    "failed": Style(VERMILLION, hatch="xxxx"),
    "expired": Style(ORANGE, hatch="\\\\\\\\"),
    "timed_out": Style(ORANGE, hatch="----"),
    "released": Style(SKY, hatch="...."),
    "suspended": Style(PALE, hatch="oo"),
    "cancelled": Style(PURPLE, hatch="++++"),
    LIVE: Style(BLUE, hatch="////"),
    PLANNED: Style(SKY),
    OTHER: Style(WHITE),
    HELD: Style(PALE),
    STEP: Style(YELLOW),
}


def group_colour(rank: int) -> str:
    """The colour of the group of this rank; 0 is the largest."""
    return GROUPS[rank] if rank < len(GROUPS) else GREY


def heat(share: float) -> str:
    """The colour of a share, from 0 to 1."""
    return to_hex(HEAT(share))


def ink_on(colour: str) -> str:
    """Black or white, whichever is read more easily on a colour (WCAG 2 relative luminance)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)
    )
    return BLACK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else WHITE


@dataclass(frozen=True)
class Entry:
    """A line of a legend: a mark and what it means. Without a mark it is a heading.

    `value` is what the size of the mark stands for, where it does.
    """

    text: str
    mark: Any = None
    value: float | None = None


def dot(style: Style, size: float = 8) -> Line2D:
    """The mark of a point, `size` points wide."""
    look: dict[str, Any] = {"markeredgecolor": INK, "markeredgewidth": 0.6, "linestyle": ""}
    return Line2D([], [], marker=style.marker, color=style.colour, markersize=size, **look)


def area(style: Style) -> Patch:
    """The mark of an area."""
    return Patch(facecolor=style.colour, hatch=style.hatch, edgecolor=INK, linewidth=0.6)


def stroke(colour: str, width: float, style: Any = "-") -> Line2D:
    """The mark of an edge."""
    return Line2D([], [], color=colour, linewidth=width, linestyle=style)


def bundled(starts: Floats, ends: Floats, first: Floats, last: Floats, pull: float) -> Floats:
    """Curves (m, 4, 2) that are pulled towards the centres of both their groups.

    Holten, "Hierarchical Edge Bundles" (2006), with one level. `pull` is from 0 to 1.
    """
    one = starts + pull * (first - starts)
    two = ends + pull * (last - ends)
    return np.stack([starts, one, two, ends], axis=1)


def flowing(starts: Floats, ends: Floats) -> Floats:
    """Curves that leave and arrive level, as between columns."""
    half = np.column_stack([(ends[:, 0] - starts[:, 0]) / 2, np.zeros(len(starts))])
    return np.stack([starts, starts + half, ends - half, ends], axis=1)


def lines(curves: Floats | Sequence[Floats], **look: Any) -> PathCollection:
    """One path for each curve; a curve of 4, 7, 10, … points is of several pieces.

    `rasterized` from a few thousand on: an SVG of so many paths is larger than an image of them.
    """
    paths = [Path(curve, _CODES + _CODES[1:] * ((len(curve) - 4) // 3)) for curve in curves]
    return PathCollection(
        paths, facecolors="none", rasterized=len(paths) > MOST_PATHS, capstyle="butt", **look
    )
