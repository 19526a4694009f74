"""Texts as a picture can show them: one line, printable, in glyphs that a font has, and short."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib import font_manager
from matplotlib.text import Text

Floats: TypeAlias = "npt.NDArray[np.float64]"
LONGEST = 32
MISSING = "\N{REPLACEMENT CHARACTER}"
_BLANK = "\N{EM DASH}"
_MARKS = 2
"""How many combining marks a letter may carry: more pile up over the lines around."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_WANTED = (
    "DejaVu Sans",
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Emoji",
    "Arial Unicode MS",
)
"""DejaVu Sans comes with matplotlib; the others fill in for what it lacks, where they are there."""


@cache
def families() -> tuple[str, ...]:
    """The font families that are there, best first."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in _WANTED if name in there)


@cache
def _glyphs() -> frozenset[int]:
    """The code points that some font of `families` can draw."""
    fonts: Any = font_manager
    paths = (fonts.findfont(fonts.FontProperties(family=name)) for name in families())
    return frozenset[int]().union(*(fonts.get_font(path).get_charmap() for path in paths))


def plain(value: object) -> str:
    """A value on one line, without what cannot be drawn.

    Control and bidirectional formatting characters go, white space becomes one space, and what no
    font has becomes one replacement character.
    """
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", str(value)):
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if kind in ("Cc", "Zs", "Zl", "Zp"):
            kept.append(" ")
        elif kind != "Cf" and marks <= _MARKS:
            if ord(char) in _glyphs() and char.isprintable():
                kept.append(char)
            elif not kind.startswith("M"):
                kept.append(MISSING)
    return re.sub(f"{MISSING}+", MISSING, " ".join("".join(kept).split())) or _BLANK


def shorten(value: object, limit: int = LONGEST) -> str:
    """The value in at most `limit` characters: of longer ones the beginning and the end."""
    text = plain(value)
    if len(text) <= limit:
        return text
    end = (limit - 1) // 3
    return f"{text[: limit - 1 - end].rstrip()}…{text[len(text) - end :].lstrip()}"


def short_id(value: object, limit: int = LONGEST) -> str:
    """An id to tell nodes apart by: of a UUID the last eight digits; the first may be its time."""
    text = str(value)
    return text[-8:] if _UUID.fullmatch(text) else shorten(text, limit)


def fit(text: Text, width: float, shown: Callable[[int], str], limit: int, least: int = 4) -> bool:
    """Show as many characters as are no wider than `width` pixels.

    `shown` gives the words in at most so many characters, or in lines of so many. False where even
    `least` characters are too wide.
    """
    while True:
        text.set_text(shown(limit))
        wide = text.get_window_extent().width
        if wide <= width or limit <= least:
            return wide <= width
        limit = max(least, min(limit - 1, int(limit * width / wide) + 1))


def count(number: int, noun: str, plural: str = "") -> str:
    """A number of things: 1 task, 1,000 tasks."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def unit_of(span: float) -> tuple[float, str]:
    """The seconds in the largest unit of which a span has at least three, and its symbol."""
    return next((it for it in _UNITS if span >= 3 * it[0]), _UNITS[-1])


def duration(span: float) -> str:
    """A span of seconds in words: 1.5 min."""
    seconds, name = unit_of(span)
    return f"{rounded(span / seconds)} {name}"


def rounded(value: float) -> str:
    """A number in three digits, or all that stand before the point."""
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts agent-2 before agent-10."""
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(it), "") if it.isdecimal() else (1, 0, it) for it in parts if it]
