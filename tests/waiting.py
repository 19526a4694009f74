"""Waiting for what comes about elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_EVERY_SECONDS = 0.01


def eventually(condition: Callable[[], object], seconds: float = 60) -> bool:
    """Whether a condition comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(LOOK_EVERY_SECONDS)
    return False
