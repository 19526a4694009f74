"""A record of a log is one line, whatever is in it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from graph_orch.logs import logger_of, make_visible

HOSTILE = "x\x1b[2J\n2026-01-01 graph_orch.worker all is well\u202e\x9b\u2028y"


class Text(io.StringIO):
    handler: logging.Handler


@pytest.fixture
def written() -> Iterator[Text]:
    """What an application's own handler writes, which knows nothing of us."""
    text = Text()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    text.handler = handler
    yield text
    root.removeHandler(handler)


class Told:
    def __str__(self) -> str:
        return HOSTILE


@pytest.mark.parametrize(
    ("message", "args"),
    [
        ("%s", (HOSTILE,)),
        ("%s", (ValueError(HOSTILE),)),
        ("%s", (Told(),)),
        ("%(x)s", ({"x": HOSTILE},)),
        ("%r and %d and %.1f", (HOSTILE, 1, 2.5)),
        (HOSTILE.replace("%", ""), ()),
    ],
)
def test_no_value_forges_a_line_or_drives_a_terminal(written, message, args):
    logger_of(f"graph_orch.task.{HOSTILE}").warning(message, *args)
    assert written.getvalue().endswith("\n")
    assert written.getvalue()[:-1].isprintable()


def test_a_traceback_keeps_its_lines_and_none_begins_a_record(written):
    logger = logger_of("graph_orch.test")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logger.exception("it failed: %s", HOSTILE, stack_info=True)
    first, *rest = written.getvalue().splitlines()
    assert first.startswith("graph_orch.test it failed")
    assert len(rest) > 3
    assert all(line.startswith("  | ") and line.isprintable() for line in rest)


def test_records_of_others_are_made_visible_by_a_handler_and_ours_once(written):
    written.handler.addFilter(make_visible)
    logging.getLogger("elsewhere").warning("%s", HOSTILE)
    try:
        raise ValueError("once")
    except ValueError:
        logger_of("graph_orch.test").exception("failed")
    lines = written.getvalue().splitlines()
    assert lines[0].startswith("elsewhere x\\x1b[2J\\n2026")
    assert lines[-1] == "  | ValueError: once"
