"""Links to gates: what was signed is read again, and nothing else is."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_orch.domain.links import LONGEST, Link
from graph_orch.domain.models import NewTask, copy_of
from graph_orch.errors import LinkInvalidError

KEY = "0" * 64
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(TEXT, TEXT, st.integers(0, 2**40))
def test_a_link_is_read_as_it_was_signed(gate_id, approver, expires):
    link = Link(gate_id, approver, expires)
    text = link.signed(KEY)
    assert len(text) < LONGEST
    assert Link.read(text, KEY) == link
    with pytest.raises(LinkInvalidError):
        Link.read(text, "1" * 64)


@given(st.text(max_size=300))
def test_no_other_text_is_a_link(text):
    with pytest.raises(LinkInvalidError):
        Link.read(text, KEY)


def test_no_part_of_a_link_can_be_changed():
    said, _, signature = Link("gate", "grace", 9).signed(KEY).partition(".")
    other = base64.urlsafe_b64encode(json.dumps(["gate", "eve", 9]).encode()).decode()
    for wrong in (f"{other}.{signature}", f"{said}=.{signature}", f"{said}.{signature}="):
        with pytest.raises(LinkInvalidError):
            Link.read(wrong, KEY)


def test_a_copy_has_every_field_but_those_of_the_first_alone():
    own = {"task_id", "idempotency_key", "available_at", "gates"}
    node = {
        "task_id": "1",
        "task_type": "review",
        "content": "x",
        "status": "completed",
        "priority": "high",
        "requirements": ["python"],
        "created_at": 0,
        "max_retries": 7,
        "metadata": '{"a":1}',
        "on_dependency_failure": "cancel",
        "retry_initial_seconds": 5.0,
        "non_retryable": ["ValueError"],
        "schedule_to_start_seconds": 10.0,
        "start_to_close_seconds": 20.0,
        "schedule_to_close_seconds": 30.0,
        "fallback_requirements": ["shell"],
        "fallback_after_seconds": 40.0,
        "workflow_id": "w",
        "name": "n",
        "concurrency_key": "k",
        "independent_of": ["ancestors"],
        "estimate": [5, 250_000_000, 0, 1],
        "fairness_key": "f",
        "team_id": "t",
        "for_leader": True,
        "required_labels": ["eu"],
        "preferred_labels": '{"gpu":30.0}',
    }
    dependency = "01a217f6-21e2-7c6c-b649-711dba5bfd08"
    copy = copy_of({"task": node, "dependencies": [[0, dependency]]})
    for name, field in NewTask.model_fields.items():
        if name not in own:
            assert getattr(copy, name) != field.get_default(), name
    assert copy.task_id != "1"
    assert copy.estimate.amounts([0, 0, 0, 1]) == node["estimate"]
