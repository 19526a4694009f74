"""Which characters cannot be seen, or drive what shows them; and texts in which they are spelled.

A terminal obeys control characters, a line break begins a line that seems to be ours, and an
override of the direction of text shows a name backwards. What cannot be seen lets two names look
like one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache

_NOT_ASCII = re.compile(r"[^ -~]")
_NOT_ASCII_NOR_BREAK = re.compile(r"[^\n -~]")
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001bc9d\U0001d159\U000e0100-\U000e01ef]"
)
"""Letters, marks and symbols by their category, of which nothing is seen: fillers of Hangul,
Braille without a dot, selectors of variants, which also carry hidden texts."""
_NON_JOINER, _JOINER = "\u200c", "\u200d"
_EMOJI_STYLES = "\ufe0e\ufe0f"
_VIRAMA = 9
"""The combining class of the signs that take a letter's vowel away, or join it to the next."""
_MOST_MARKS = 8
"""Marks between a letter and its virama that are looked through. Scripts need two or three, and a
text of nothing but marks would be looked through again for each of them."""
_STACKERS = re.compile(
    "[\u1039\u17d2\u1a60\u1bab\u2d7f\uaaf6\U00010a3f\U0001107f\U00011133\U000113d0\U0001193e"
    "\U00011a47\U00011a99\U00011d45\U00011d97\U00011f42]"
)
"""Those of which nothing is seen but how the next letter stands: Unicode's invisible stackers, and
joiners of consonants and numbers."""


def visible(text: str) -> str:
    """A text on one line, in which is spelled out what drives a terminal or cannot be seen.

    Letters and emojis of all scripts stay as they are, also where invisible joiners shape them.
    """
    return _NOT_ASCII.sub(lambda it: it[0] if _is_shown(it) else ascii(it[0])[1:-1], text)


def visible_json(text: str) -> str:
    """JSON that is the same, with those characters as escapes; its line breaks stay."""
    return _NOT_ASCII_NOR_BREAK.sub(
        lambda it: it[0] if _is_shown(it) else json.dumps(it[0])[1:-1], text
    )


def unseen_in(name: str) -> str | None:
    """The first character that cannot be seen, or that looks like a space and is another.

    A virama may follow a letter of its script only: elsewhere fonts may show nothing of it. The
    joiners may stand where the scripts of South Asia and of Arabic need them to be read rightly
    and what they do is seen (Unicode's UAX 31, 2.3), as in Persian: not in emojis.
    """
    for place, char in enumerate(name):
        if char in (_NON_JOINER, _JOINER):
            if not _joins(name, place):
                return char
        elif not _has_shape(name, place):
            return char
    return None


def named(char: str) -> str:
    """What Unicode calls a character: U+200B ZERO WIDTH SPACE."""
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()


def _is_shown(found: re.Match[str]) -> bool:
    text, place, char = found.string, found.start(), found[0]
    before = text[place - 1] if place else ""
    if char in (_NON_JOINER, _JOINER):
        is_emoji = bool(before) and unicodedata.category(before) in ("So", "Sk", "Mn")
        return _joins(text, place) or (is_emoji and _category(text, place + 1) == "So")
    if char in _EMOJI_STYLES:
        return before in tuple("0123456789#*") or _category(text, place - 1).startswith("S")
    if unicodedata.category(char) == "Zs":
        return True
    return _has_shape(text, place)


def _has_shape(text: str, place: int) -> bool:
    """Whether something of a character is seen, which is no joiner."""
    char = text[place]
    if unicodedata.combining(char) == _VIRAMA:
        return _is_virama(text, place)
    return char.isprintable() and not _UNSEEN.match(char)


def _is_virama(text: str, place: int) -> bool:
    """Whether a virama stands where it is seen: after a letter or number of its script.

    A stacker stands between two.
    """
    char, before = text[place], place - 1
    if unicodedata.combining(char) != _VIRAMA:
        return False
    while place - before <= _MOST_MARKS and _category(text, before) in ("Mn", "Mc"):
        before -= 1
    beside = [before, place + 1] if _STACKERS.match(char) else [before]
    return all(
        _category(text, it)[:1] in ("L", "N") and _script(text[it]) == _script(char)
        for it in beside
    )


def _script(char: str) -> str:
    """How the names of a script's characters begin: DEVANAGARI."""
    return unicodedata.name(char, "").partition(" ")[0]


def _joins(text: str, place: int) -> bool:
    """Whether a joiner does something that is seen, in a script that needs it."""
    before = place - 1
    if before >= 0 and _is_virama(text, before):
        return text[place] == _JOINER or _category(text, place + 1).startswith("L")
    while before >= 0 and _category(text, before) == "Mn":
        before -= 1
    return (
        text[place] == _NON_JOINER
        and before >= 0
        and place + 1 < len(text)
        and _has_form(text[before], "INITIAL")
        and _has_form(text[place + 1], "FINAL")
    )


def _category(text: str, place: int) -> str:
    return unicodedata.category(text[place]) if 0 <= place < len(text) else ""


@lru_cache(1_000)
def _has_form(char: str, form: str) -> bool:
    """Whether a letter is written otherwise at the beginning, or the end, of what is joined.

    Unicode has such forms of the letters of Arabic as characters of their own.
    """
    try:
        unicodedata.lookup(f"{unicodedata.name(char)} {form} FORM")
    except (KeyError, ValueError):
        return False
    return True
