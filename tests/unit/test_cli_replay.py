"""`graph-orch subscription replay --from`: a position or a time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import typer

from graph_orch.cli.subscription import _place


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0", 0),
        ("4711", 4711),
        ("2026-11-27T14:00+01:00", datetime(2026, 11, 27, 13, tzinfo=UTC)),
        ("2026-11-27T14:00:00Z", datetime(2026, 11, 27, 14, tzinfo=UTC)),
        ("2026-11-27", datetime(2026, 11, 27).astimezone()),
    ],
)
def test_a_position_or_a_time(text, wanted):
    assert _place(text) == wanted


@pytest.mark.parametrize("text", ["", "-1", "yesterday", "9" * 30, "2026-13-01", "\x1b[31m"])
def test_what_is_neither(text):
    with pytest.raises(typer.BadParameter, match="neither a position nor a time"):
        _place(text)
