"""Texts as a picture can show them: one line, printable, in glyphs that a font has, and short."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable
from functools import cache
from itertools import groupby
from typing import Any

from matplotlib import font_manager

LONGEST = 32
MISSING = "\N{REPLACEMENT CHARACTER}"
_BLANK = "\N{EM DASH}"
_MARKS = 2
"""How many combining marks a letter may carry: more pile up over the lines around."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
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


def plain(value: object) -> str:
    """A value on one line, without what cannot be drawn.

    Control and bidirectional formatting characters go, white space becomes one space, and what no
    font has becomes one replacement character.
    """
    kept = "".join(map(_shown, unicodedata.normalize("NFC", str(value))))
    words = " ".join(_few_marks(kept).split())
    return re.sub(f"{MISSING}+", MISSING, words) or _BLANK


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


def count(number: int, noun: str, plural: str = "") -> str:
    """A number of things: 1 task, 1,000 tasks."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def order(node: Hashable) -> tuple[str, str]:
    """What nodes of any kind are sorted by."""
    return str(node), type(node).__name__


def _shown(char: str) -> str:
    kind = unicodedata.category(char)
    if kind in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    if kind == "Cf":
        return ""
    if kind == "Cs" or not _has_glyph(char):
        return "" if kind.startswith("M") else MISSING
    return char


def _few_marks(text: str) -> str:
    runs = groupby(text, key=lambda char: unicodedata.category(char) in ("Mn", "Me"))
    return "".join("".join(run)[: _MARKS if are_marks else None] for are_marks, run in runs)


@cache
def _has_glyph(char: str) -> bool:
    return any(ord(char) in glyphs for glyphs in _glyphs())


@cache
def _glyphs() -> tuple[frozenset[int], ...]:
    fonts: Any = font_manager
    paths = (fonts.findfont(fonts.FontProperties(family=name)) for name in families())
    return tuple(frozenset(fonts.get_font(path).get_charmap()) for path in paths)
