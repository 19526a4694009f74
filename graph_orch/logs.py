"""Loggers whose records take one line each, whatever text they contain, and their form as JSON.

Logged texts come from the store, from handlers and from other programs, and could forge lines of
the log or drive a terminal. Our loggers escape them in a filter, which works with any handler and
formatter that the application chooses.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from numbers import Number
from typing import Any, cast

from graph_orch.domain.characters import visible, visible_json, without_passwords
from graph_orch.errors import text_of
from graph_orch.settings import LogFormat, LogSettings

FIELDS = ("task_id", "attempt", "workflow_id", "agent_id", "worker_id")
"""What a record may be about, beside what it says."""
about: ContextVar[Mapping[str, object]] = ContextVar("graph_orch_about", default={})  # noqa: B039
"""What all records are about that are written now, whoever writes them: where a worker runs a
handler, its task, so that what libraries log there is found by the task too."""
LINE = "%(asctime)s %(name)s %(message)s"
LONGEST = 4_000
"""Characters of each text of a JSON record: one may quote what a client sent."""
_FORMATTER = logging.Formatter()
_QUOTE = "  | "


def logger_of(name: str) -> logging.Logger:
    """The logger of a name, which may come from the store."""
    logger = logging.getLogger(visible(name))
    logger.addFilter(make_visible)
    return logger


def formatter(plain: str | None = None) -> logging.Formatter:
    """The formatter of a program's log, as `GRAPH_ORCH_LOG` says.

    Args:
        plain: The format of a line of text; None: the message alone.
    """
    return JsonFormatter() if LogSettings().log is LogFormat.JSON else logging.Formatter(plain)


def log_to_stderr(level: int = logging.INFO, plain: str | None = LINE) -> None:
    """Show the log of this program and of libraries, with nothing that a terminal would obey."""
    handler = logging.StreamHandler()
    handler.addFilter(make_visible)  # for the records of libraries; our own are filtered already
    handler.setFormatter(formatter(plain))
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("neo4j").setLevel(logging.ERROR)


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON: when, how bad, who, what, and what it is about.

    `time` is UTC; of FIELDS there is what is known; `exception` and `stack` are as Python prints
    them. Passwords in URIs are left out, and long texts are cut.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _told(record.getMessage()),
        }
        facts = about.get()
        for name in FIELDS:
            if (value := record.__dict__.get(name, facts.get(name))) is not None:
                told[name] = value if isinstance(value, str | int) else text_of(value)
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        for name, text in (("exception", record.exc_text), ("stack", record.stack_info)):
            if text:
                told[name] = _told(text.removeprefix(_QUOTE).replace(f"\n{_QUOTE}", "\n"))
        return visible_json(json.dumps(told, ensure_ascii=False, default=text_of))


def make_visible(record: logging.LogRecord) -> bool:
    """A logging filter that accepts every record, and escapes what drives a terminal in it.

    A traceback keeps its lines, each after `  | `, so that none looks like the start of a record.
    """
    if getattr(record, "is_visible", False):  # the filter of another logger escaped it already
        return True
    record.name = visible(record.name)
    record.msg = visible(text_of(record.msg))
    if isinstance(record.args, Mapping):
        record.args = {name: _shown(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(_shown, record.args))
    if record.exc_info or record.exc_text:
        traceback = record.exc_text or _FORMATTER.formatException(cast(Any, record.exc_info))
        record.exc_text = _quoted(traceback)
    if record.stack_info:
        record.stack_info = _quoted(record.stack_info)
    record.is_visible = True
    return True


def _shown(value: object) -> object:
    """An argument of a record: a number as it is, so that `%d` can format it; others as text."""
    return value if value is None or isinstance(value, Number) else visible(text_of(value))


def _quoted(text: str) -> str:
    return "\n".join(f"{_QUOTE}{visible(line)}" for line in text.split("\n"))


def _told(text: str) -> str:
    return without_passwords(text)[:LONGEST].encode(errors="replace").decode()
