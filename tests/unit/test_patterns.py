"""Conditions on the fields of events: parsed, compared, never evaluated."""

from __future__ import annotations

import pytest

from graph_orch import ValidationError
from graph_orch.domain.patterns import Condition, Where

FIELDS = {
    "type": "completed",
    "agent_id": None,
    "detail": {"score": 0.5, "ok": True, "n": 1, "list": [{"a b": "x"}]},
    "task": {"priority": "high", "metadata": {"customer": "acme", "a.b": 3}},
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("task.metadata.customer = acme", True),
        ('task.metadata.customer = "acme"', True),
        ("task.metadata.customer!=acme", False),
        ('task.metadata."a.b" >= 3', True),
        ('detail.list.0."a b" = x', True),
        ("detail.list.7 = x", False),
        ("detail.list.99999999999999999999 = x", False),
        ("detail.score < 0.6", True),
        ("detail.score > high", False),  # a number and a text have no order
        ("detail.nothing != 1", False),  # what is not there is not compared
        ("detail.ok = true", True),
        ("detail.ok = 1", False),  # a truth value is no number
        ("detail.n = 1.0", True),
        ("agent_id = null", True),
        ('task.priority in ["high", "critical"]', True),
        ("detail.n in [2, 3]", False),
        ("type = completed", True),
        ("detail.score = __import__('os')", False),
    ],
)
def test_a_condition_holds(condition: str, holds: bool) -> None:
    assert Condition.of(condition).holds(FIELDS) is holds


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "no condition"),
        ("type", "no condition"),
        ("type ==", "no condition"),
        ("colour = red", "no field of an event"),
        (r'detail."\q" = 1', "no JSON text"),
        ("task.colour = red", "no field of an event"),
        ("task = 1", "no field of an event"),
        ("type in completed", "JSON list"),
        ("x" * 1_001, "where"),
        (["type = a"] * 21, "where"),
        ([7], "where"),
        ('"' * 999, "no condition"),
        ("a." * 499 + "a", "no condition"),
    ],
)
def test_what_is_no_condition_is_refused(given: object, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Where.of(given)
