"""The forms in which values are compared and stored: keys of skills, JSON texts."""

from __future__ import annotations

import json
import unicodedata

from pydantic import JsonValue

MOST_TOLD = 20_000
"""Characters that are kept of an error or a reason: each event and each try holds one."""


def shortened(text: str, most: int = MOST_TOLD) -> str:
    """Text without its middle where it is too long: the end of an error says most."""
    if len(text) <= most:
        return text
    head = most // 4
    return f"{text[:head]}\n… {len(text) - most:,} characters left out …\n{text[head - most :]}"


def skill_key(name: str) -> str:
    """The form in which a skill's name is compared: trimmed, case-folded, composed (NFC).

    It is folded decomposed, as Unicode's canonical caseless matching says (D145): some characters
    fold otherwise when they are composed.
    """
    folded = unicodedata.normalize("NFD", name.strip()).casefold()
    return unicodedata.normalize("NFC", folded)


_COMPACT = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def dump_json(value: object) -> str:
    """Compact JSON text in which equal values have equal texts."""
    return _COMPACT.encode(value)


def load_json(text: str | None) -> JsonValue:
    """The value of a JSON text from the graph; None stays None."""
    return None if text is None else json.loads(text)
