"""Characters that are invisible or drive a terminal, and how to escape them.

A terminal obeys control characters, a line break can forge a line of output, and a direction
override shows a name backwards. Invisible characters let two different names look the same.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache

_NOT_ASCII = re.compile(r"[^ -~]")
_NOT_ASCII_NOR_BREAK = re.compile(r"[^\n -~]")
# A scheme is looked for where one can begin, and once: a long text would else take quadratic time.
_PASSWORD = re.compile(r"(?P<before>(?<![\w+.-])[\w+.-]++://[^\s:/@'\"]*:)[^\s/'\"]+@")
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001bc9d\U0001d159\U000e0100-\U000e01ef]"
)
"""Invisible characters that Unicode counts as letters, marks or symbols: Hangul fillers, the blank
Braille pattern, and variation selectors, which can also carry hidden texts."""
_NON_JOINER, _JOINER = "\u200c", "\u200d"
_EMOJI_STYLES = "\ufe0e\ufe0f"
_VIRAMA = 9
"""The combining class of viramas: signs that remove a letter's vowel, or join it to the next."""
_MOST_MARKS = 8
"""Marks between a letter and its virama that are skipped. Scripts need two or three; without a
bound, a text of nothing but marks would take quadratic time."""
_STACKERS = re.compile(
    "[\u1039\u17d2\u1a60\u1bab\u2d7f\uaaf6\U00010a3f\U0001107f\U00011133\U000113d0\U0001193e"
    "\U00011a47\U00011a99\U00011d45\U00011d97\U00011f42]"
)
"""Viramas that show only in how the next letter is placed: Unicode's invisible stackers, and the
joiners of consonants and numbers."""


def visible(text: str) -> str:
    """A text on one line, with escapes for characters that are invisible or drive a terminal.

    Letters and emojis of all scripts stay as they are, with the invisible joiners that shape them.
    """
    return _NOT_ASCII.sub(
        lambda found: found[0] if _is_shown(found) else ascii(found[0])[1:-1], text
    )


def visible_json(text: str) -> str:
    """The same JSON with those characters as JSON escapes; line breaks between values stay."""
    return _NOT_ASCII_NOR_BREAK.sub(
        lambda found: found[0] if _is_shown(found) else json.dumps(found[0])[1:-1], text
    )


def without_passwords(text: str) -> str:
    """A text with `***` for each password that stands in a URI."""
    return _PASSWORD.sub(r"\g<before>***@", text)


def unseen_in(name: str) -> str | None:
    """The first character of a name that is invisible, or looks like a space and is not one.

    A virama must follow a letter of its script, since elsewhere fonts may not show it. Joiners are
    accepted where the scripts of South Asia and Arabic need them and their effect is visible, as in
    Persian (UAX 31, section 2.3), and not in emojis.
    """
    for place, char in enumerate(name):
        if char in (_NON_JOINER, _JOINER):
            if not _joins(name, place):
                return char
        elif not _has_shape(name, place):
            return char
    return None


def named(char: str) -> str:
    """A character's code point and Unicode name: U+200B ZERO WIDTH SPACE."""
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()


def _is_shown(found: re.Match[str]) -> bool:
    """Whether `visible` leaves a character as it is."""
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
    """Whether a character that is not a joiner is visible."""
    char = text[place]
    if unicodedata.combining(char) == _VIRAMA:
        return _is_virama(text, place)
    return char.isprintable() and not _UNSEEN.match(char)


def _is_virama(text: str, place: int) -> bool:
    """Whether there is a visible virama: it follows a letter or number of its script.

    A stacker must stand between two of these.
    """
    char, before = text[place], place - 1
    if unicodedata.combining(char) != _VIRAMA:
        return False
    while place - before <= _MOST_MARKS and _category(text, before) in ("Mn", "Mc"):
        before -= 1
    beside = [before, place + 1] if _STACKERS.match(char) else [before]
    return all(
        _category(text, at)[:1] in ("L", "N") and _script(text[at]) == _script(char)
        for at in beside
    )


def _script(char: str) -> str:
    """The first word of a character's Unicode name, which names its script: DEVANAGARI."""
    return unicodedata.name(char, "").partition(" ")[0]


def _joins(text: str, place: int) -> bool:
    """Whether a joiner has a visible effect, in a script that needs it."""
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
    """The Unicode category of a character, such as "Lu"; "" outside of the text."""
    return unicodedata.category(text[place]) if 0 <= place < len(text) else ""


@lru_cache(1_000)
def _has_form(char: str, form: str) -> bool:
    """Whether a letter has an INITIAL or FINAL form, which joined letters take.

    Unicode has these forms of the Arabic letters as characters of their own.
    """
    try:
        unicodedata.lookup(f"{unicodedata.name(char)} {form} FORM")
    except (KeyError, ValueError):
        return False
    return True
