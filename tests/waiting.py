"""Waiting for what comes about elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_LOOK_SECONDS = 0.005
LONGEST_LOOK_SECONDS = 0.05


def eventually(condition: Callable[[], object], seconds: float = 60) -> bool:
    """Whether a condition comes true within so many seconds.

    It is looked less and less often: what is waited for may need the processor.
    """
    deadline, pause = time.monotonic() + seconds, FIRST_LOOK_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(pause)
        pause = min(1.5 * pause, LONGEST_LOOK_SECONDS)
    return False
