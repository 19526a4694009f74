"""How long to wait before something is tried, or looked at, again."""

from __future__ import annotations

import random
from collections.abc import Iterator


def pauses(first: float, longest: float, growth: float = 1.6) -> Iterator[float]:
    """Longer and longer pauses in seconds, without end.

    Chance takes up to half of each away, so that callers who began together do not come together
    again.
    """
    pause = first
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(pause * growth, longest)
