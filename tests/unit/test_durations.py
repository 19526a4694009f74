"""Durations as people write them."""

from __future__ import annotations

import pytest
import typer

from graph_orch.cli.durations import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45s", 45),
        ("90m", 5_400),
        ("12h", 43_200),
        ("30d", 2_592_000),
        ("2w", 1_209_600),
        ("1.5h", 5_400),
        ("0s", 0),
        (" 30D ", 2_592_000),
    ],
)
def test_durations(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "30 d", "1d12h", "1e3s", "٣d", "nans"])
def test_what_is_no_duration_is_said(text):
    with pytest.raises(typer.BadParameter, match="is no duration"):
        seconds(text)
