"""What the HTTP server logs: a complaint that clients can repeat at will is logged now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from graph_orch.logs import make_visible

MOST_A_WINDOW = 10
WINDOW_SECONDS = 60.0
LONGEST = 4_000
"""Characters that are logged of one complaint: it may quote what a client sent."""

logger = logging.getLogger(__name__)


@dataclass
class _Window:
    began: float
    said: int = 0
    unsaid: int = 0


class Complaints(logging.StreamHandler):  # pyright: ignore[reportMissingTypeArgument]
    """Logs to standard error, and of each line of code so many complaints a minute at most.

    Those above that are counted, and `tell` says how many they were.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.addFilter(make_visible)
        self._clock = clock
        self._windows: dict[tuple[str, int], _Window] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log a complaint, or count it."""
        place = (record.pathname, record.lineno)
        window = self._windows.setdefault(place, _Window(self._clock()))
        if window.said < MOST_A_WINDOW:
            window.said += 1
            super().emit(record)
        else:
            window.unsaid += 1

    def format(self, record: logging.LogRecord) -> str:
        """A complaint, in part where it is long."""
        return super().format(record)[:LONGEST]

    def tell(self) -> None:
        """Say how many complaints were left out, once their minute is over."""
        now = self._clock()
        over = [it for it in self._windows.items() if now - it[1].began >= WINDOW_SECONDS]
        for place, window in over:
            del self._windows[place]
            if window.unsaid:
                logger.warning(
                    "%s more complaints of %s:%s were left out", f"{window.unsaid:,}", *place
                )

    def config(self) -> dict[str, object]:
        """The configuration, for `logging.config`, by which everything is logged here."""
        return {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"complaints": {"()": lambda: self}},
            "root": {"handlers": ["complaints"], "level": "WARNING"},
        }
