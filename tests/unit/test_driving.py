"""What the driver is given does not show what it holds, and what it gives is Python's own."""

from __future__ import annotations

from datetime import UTC, date, datetime

from neo4j.time import Date, DateTime

from graph_orch.store.driving import UnprintedList, UnprintedText, native, unprinted


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


def test_times_are_pythons_own_wherever_they_stand():
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    given = {"at": DateTime.from_native(at), "rows": [[1, DateTime.from_native(at), None]]}
    made = native(given)
    assert made == {"at": at, "rows": [[1, at, None]]}
    assert type(made["at"]) is datetime
    assert native(Date(2026, 1, 2)) == date(2026, 1, 2)
