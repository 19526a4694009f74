"""Colours, markers and hatches: every meaning has a colour and a shape, so that neither is needed.

The colours are those of Okabe and Ito, "Color Universal Design" (2008), which people with any of
the common colour vision deficiencies can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graph_orch.domain.lifecycle import TaskStatus

BLACK, GREY, PALE, WHITE = "#000000", "#6e6e6e", "#d9d9d9", "#ffffff"
ORANGE, SKY, GREEN, YELLOW = "#e69f00", "#56b4e9", "#009e73", "#f0e442"
BLUE, VERMILLION, PURPLE = "#0072b2", "#d55e00", "#cc79a7"
INK = "#222222"

GROUPS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW)
"""What tells groups apart, the largest first; the groups after these are grey."""


@dataclass(frozen=True)
class Style:
    """How one kind of thing looks."""

    colour: str
    marker: str = "o"
    hatch: str = ""


UNKNOWN = Style(WHITE, "h")
"""Where an attribute is missing, or has a value that nobody knows."""

STATUSES: Mapping[str, Style] = {
    TaskStatus.PENDING: Style("#bdbdbd", "o"),
    TaskStatus.ASSIGNED: Style(YELLOW, "D", ".."),
    TaskStatus.RUNNING: Style(SKY, ">", "//"),
    TaskStatus.COMPLETED: Style(GREEN, "s"),
    TaskStatus.FAILED: Style(VERMILLION, "X", "xx"),
    TaskStatus.CANCELLED: Style(PURPLE, "P", "\\\\"),
}

LIVE, PLANNED = "still held", "planned"
OUTCOMES: Mapping[str, Style] = {
    "completed": Style(GREEN),
    "failed": Style(VERMILLION, hatch="xxxx"),
    "expired": Style(ORANGE, hatch="\\\\\\\\"),
    "timed_out": Style(ORANGE, hatch="----"),
    "released": Style(SKY, hatch="...."),
    "cancelled": Style(PURPLE, hatch="++++"),
    LIVE: Style(BLUE, hatch="////"),
    PLANNED: Style(SKY),
}


def group_colour(rank: int) -> str:
    """The colour of the group of this rank; 0 is the largest."""
    return GROUPS[rank] if rank < len(GROUPS) else GREY


def ink_on(colour: str) -> str:
    """Black or white, whichever is read more easily on a colour (WCAG 2 relative luminance)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return BLACK if luminance > 0.179 else WHITE
