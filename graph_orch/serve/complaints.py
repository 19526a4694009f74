"""The log of the HTTP server, which limits the lines that clients can cause at will."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from graph_orch.logs import LONGEST, JsonFormatter, formatter, make_visible

MOST_A_WINDOW = 10
WINDOW_SECONDS = 60.0

logger = logging.getLogger(__name__)


@dataclass
class _Window:
    began: float
    logged: int = 0
    omitted: int = 0


class Complaints(logging.StreamHandler):  # pyright: ignore[reportMissingTypeArgument]
    """Logs to standard error at most `MOST_A_WINDOW` records a minute of each line of code.

    It counts the others, and `report_omitted` logs the counts.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.addFilter(make_visible)
        self.setFormatter(formatter())
        self._clock = clock
        self._windows: dict[tuple[str, int], _Window] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record, or count it as omitted."""
        place = (record.pathname, record.lineno)
        window = self._windows.setdefault(place, _Window(self._clock()))
        if window.logged < MOST_A_WINDOW:
            window.logged += 1
            super().emit(record)
        else:
            window.omitted += 1

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, cut to `LONGEST` characters; of JSON, its texts are cut."""
        text = super().format(record)
        return text if isinstance(self.formatter, JsonFormatter) else text[:LONGEST]

    def report_omitted(self) -> None:
        """Close the windows that are over, and log how many records each omitted."""
        now = self._clock()
        for place, window in list(self._windows.items()):
            if now - window.began >= WINDOW_SECONDS:
                del self._windows[place]
                if window.omitted:
                    logger.warning(
                        "%s more complaints of %s:%s were left out", f"{window.omitted:,}", *place
                    )

    def config(self) -> dict[str, object]:
        """The `logging.config` dictionary by which the root logger writes to this handler."""
        return {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"complaints": {"()": lambda: self}},
            "root": {"handlers": ["complaints"], "level": "WARNING"},
        }
