"""Loggers of which a record is one line, whatever is in it.

What is logged comes from the store, from handlers and from other programs. Every logger of ours
makes it visible itself, so that it does not depend on how the application writes its log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from graph_orch.domain.characters import visible
from graph_orch.errors import text_of

_FORMATTER = logging.Formatter()


def logger_of(name: str) -> logging.Logger:
    """The logger of this name, which may come from the store."""
    logger = logging.getLogger(visible(name))
    logger.addFilter(make_visible)
    return logger


def make_visible(record: logging.LogRecord) -> bool:
    """Spell out what drives a terminal; a filter that lets every record through.

    A traceback keeps its lines, each behind a mark, so that none looks like the begin of a record.
    """
    if getattr(record, "is_visible", False):  # by another filter
        return True
    record.name = visible(record.name)
    record.msg = visible(text_of(record.msg))
    if isinstance(record.args, Mapping):
        record.args = {name: _shown(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(_shown, record.args))
    if record.exc_info or record.exc_text:
        said = record.exc_text or _FORMATTER.formatException(cast(Any, record.exc_info))
        record.exc_text = _quoted(said)
    if record.stack_info:
        record.stack_info = _quoted(record.stack_info)
    record.is_visible = True
    return True


def _shown(value: object) -> object:
    """A value as a record may show it: numbers may be formatted as such, the rest is text."""
    return value if value is None or isinstance(value, int | float) else visible(text_of(value))


def _quoted(text: str) -> str:
    return "\n".join(f"  | {visible(line)}" for line in text.split("\n"))
