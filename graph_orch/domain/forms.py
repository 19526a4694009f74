"""The forms in which values are compared and stored: keys of skills and lanes, JSON texts."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

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


def least_of(estimate: Sequence[int] | None) -> tuple[int, ...] | None:
    """The least that tasks use which share a lane with one of this estimate: powers of two.

    So a task that is too dear for what a budget has left holds up no task in another lane, and in
    its own only such as are estimated to use more than half as much as it.
    """
    if estimate is None:
        return None
    return tuple(amount and 1 << amount.bit_length() - 1 for amount in estimate)


def lane_key(
    keys: Sequence[str],
    concurrency_key: str | None = None,
    charges: str | None = None,
    least: Sequence[int] | None = None,
) -> str:
    """The key of the lane for a set of skill keys: a hash, since a set has no size limit.

    Tasks whose number is limited by a concurrency key have lanes of their own, as do those that the
    budget of their workflow pays for (`charges`), and those that are estimated to use about the
    same (`least_of`).
    """
    return _lane_key(tuple(keys), concurrency_key, charges, least and tuple(least))


@lru_cache(10_000)
def _lane_key(
    keys: tuple[str, ...],
    concurrency_key: str | None,
    charges: str | None,
    least: tuple[int, ...] | None,
) -> str:
    of: list[object] = [*sorted(set(keys))]
    if concurrency_key is not None:
        of.append({"concurrency_key": concurrency_key})
    if charges is not None:
        of.append({"charges": charges})
    if least is not None:
        of.append({"least": least})
    return hashlib.sha256(dump_json(of).encode()).hexdigest()[:32]


_COMPACT = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def dump_json(value: object) -> str:
    """Compact JSON text in which equal values have equal texts."""
    return _COMPACT.encode(value)


def load_json(text: str | None) -> JsonValue:
    """The value of a JSON text from the graph; None stays None."""
    return None if text is None else json.loads(text)
