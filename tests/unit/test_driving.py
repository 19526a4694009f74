"""What the driver is given does not show what it holds."""

from __future__ import annotations

from graph_orch.store.driving import UnprintedList, UnprintedText, unprinted


def test_lists_are_the_same_but_for_how_they_show():
    rows = [{"content": "a secret"}]
    made = unprinted({"rows": rows, "limit": 1, "name": "ada"})
    assert made == {"rows": rows, "limit": 1, "name": "ada"}
    assert "secret" not in repr(made)
    assert repr(made["rows"]) == "<list of 1>"
    assert isinstance(made["rows"], UnprintedList)


def test_a_text_is_the_same_but_for_how_it_shows():
    made = UnprintedText("RETURN 1")
    assert made == "RETURN 1"
    assert repr(made) == "<text of 8 characters>"
    assert f"{made}" == "RETURN 1"
