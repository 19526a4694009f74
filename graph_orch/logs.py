"""Loggers whose records take one line each, whatever text they contain.

Logged texts come from the store, from handlers and from other programs, and could forge lines of
the log or drive a terminal. Our loggers escape them in a filter, which works with any handler and
formatter that the application chooses.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from graph_orch.domain.characters import visible
from graph_orch.errors import text_of

_FORMATTER = logging.Formatter()


def logger_of(name: str) -> logging.Logger:
    """The logger of a name, which may come from the store."""
    logger = logging.getLogger(visible(name))
    logger.addFilter(make_visible)
    return logger


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
    return value if value is None or isinstance(value, int | float) else visible(text_of(value))


def _quoted(text: str) -> str:
    return "\n".join(f"  | {visible(line)}" for line in text.split("\n"))
