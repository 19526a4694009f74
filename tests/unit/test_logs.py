"""A record of a log is one line, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from graph_orch.errors import ValidationError
from graph_orch.logs import LONGEST, JsonFormatter, about, formatter, logger_of, make_visible

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


@pytest.fixture
def as_json(written) -> Text:
    written.handler.addFilter(make_visible)
    written.handler.setFormatter(JsonFormatter())
    return written


def test_a_record_as_json_tells_when_how_bad_who_and_what(as_json):
    logging.getLogger("elsewhere").warning("%s and %d", HOSTILE, 7)
    (line,) = as_json.getvalue().splitlines()
    assert line.isprintable()
    told = json.loads(line)
    assert told.keys() == {"time", "level", "logger", "message"}
    assert (told["level"], told["logger"]) == ("WARNING", "elsewhere")
    assert told["message"].endswith("y and 7")
    assert datetime.fromisoformat(told["time"]).utcoffset() == timedelta(0)


def test_a_record_as_json_tells_what_it_is_about(as_json):
    token = about.set({"task_id": "of all", "agent_id": "ada", "workflow_id": None})
    try:
        logging.getLogger("a.library").warning("x")
        logger_of("graph_orch.test").warning("y", extra={"task_id": "its own", "attempt": 2})
    finally:
        about.reset(token)
    logging.getLogger("a.library").warning("z")
    first, second, third = map(json.loads, as_json.getvalue().splitlines())
    assert (first["task_id"], first["agent_id"], "workflow_id" in first) == ("of all", "ada", False)
    assert (second["task_id"], second["attempt"], second["agent_id"]) == ("its own", 2, "ada")
    assert "task_id" not in third


def test_a_traceback_as_json_is_what_python_prints_on_one_line(as_json):
    try:
        raise ValueError("bolt://neo4j:pass-word@host is away")
    except ValueError:
        logger_of("graph_orch.test").exception("at redis://:hidden@host/0", stack_info=True)
    (line,) = as_json.getvalue().splitlines()
    assert "hidden" not in line
    told = json.loads(line)
    assert told["message"] == "at redis://:***@host/0"
    assert told["exception"].startswith("Traceback (most recent call last):\n  File ")
    assert told["exception"].endswith("\nValueError: bolt://neo4j:***@host is away")
    assert told["stack"].startswith("Stack (most recent call last):\n")


@pytest.mark.parametrize("text", ["x" * 100_000, "\ud800", "\x00"], ids=["long", "half", "null"])
def test_any_text_makes_a_short_line_of_json(as_json, text):
    logging.getLogger("elsewhere").warning("%s", text)
    assert len(json.loads(as_json.getvalue())["message"]) <= LONGEST


def test_the_setting_chooses_the_form(monkeypatch):
    monkeypatch.delenv("GRAPH_ORCH_LOG", raising=False)
    assert not isinstance(formatter(), JsonFormatter)
    monkeypatch.setenv("GRAPH_ORCH_LOG", "json")
    assert isinstance(formatter(), JsonFormatter)
    monkeypatch.setenv("GRAPH_ORCH_LOG", "xml")
    with pytest.raises(ValidationError, match="GRAPH_ORCH_LOG"):
        formatter()
