"""What the HTTP server logs of clients that complain, or are complained of, without end."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest

from graph_orch.logs import LONGEST
from graph_orch.serve.complaints import MOST_A_WINDOW, WINDOW_SECONDS, Complaints


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def said():
    return io.StringIO()


@pytest.fixture
def complaints(clock, said):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    made = Complaints(lambda: clock[0])
    made.setStream(said)
    logging.config.dictConfig(made.config())
    yield made
    root.handlers[:] = handlers
    root.setLevel(level)


def complain(text):
    logging.getLogger("some.library").warning("from a client: %s", text)


def test_what_is_repeated_is_counted(complaints, clock, said):
    for number in range(1_000):
        complain(f"number {number}")
    logging.getLogger("another").warning("something else")
    complaints.report_omitted()
    lines = said.getvalue().splitlines()
    assert lines[0] == "from a client: number 0"
    assert len(lines) == MOST_A_WINDOW + 1
    assert lines[-1] == "something else"
    clock[0] += WINDOW_SECONDS
    complaints.report_omitted()
    complain("again")
    told, again = said.getvalue().splitlines()[len(lines) :]
    assert told.startswith(f"{1_000 - MOST_A_WINDOW} more complaints of {__file__}:")
    assert again == "from a client: again"


def test_a_complaint_is_short_and_drives_no_terminal(complaints, said):
    complain("\x1b[2J\u202e\x9b" + "x" * 10_000_000)
    assert said.getvalue().startswith("from a client: \\x1b[2J\\u202e\\x9bxxx")
    assert len(said.getvalue()) < LONGEST + 100


def test_a_complaint_as_json_is_cut_within_its_texts(monkeypatch, said):
    monkeypatch.setenv("GRAPH_ORCH_LOG", "json")
    handler = Complaints()
    handler.setStream(said)
    text = "from a client: " + "\x1b" * 100_000
    handler.handle(logging.LogRecord("x", logging.WARNING, __file__, 1, "%s", (text,), None))
    (line,) = said.getvalue().splitlines()
    assert len(json.loads(line)["message"]) == LONGEST
    assert line.isprintable()
