"""Lanes: what their keys are made of, and what an agent needs for them."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from graph_orch.domain.forms import skill_key
from graph_orch.domain.lanes import LABEL, LEADER, TEAM, Lane, told_of

WHOLE = Lane(
    skills=("python", "sql"),
    team_id="writers",
    for_leader=True,
    labels=("gpu", "region=eu"),
    preferred=(("fast", 1.5), ("near", 30.0)),
    fairness_key="customer",
    concurrency_key="openai",
    charges="workflow:x",
    least=(4, 0, 0, 1),
)


def test_each_field_makes_another_lane():
    plain = Lane()
    keys = {WHOLE.key, plain.key}
    for it in fields(Lane):
        changed = replace(WHOLE, **{it.name: getattr(plain, it.name)})
        if it.name == "team_id":  # without a team nobody leads it
            changed = replace(changed, for_leader=False)
        keys.add(changed.key)
    assert len(keys) == 2 + len(fields(Lane))


def test_a_lane_is_read_as_it_was_written():
    for lane in (WHOLE, Lane(), Lane(team_id="LEADER:x"), Lane(labels=("TEAM:x",))):
        assert Lane.from_row(lane.row()) == lane
        assert Lane.from_row({k: it for k, it in lane.row().items() if it is not None}) == lane


@given(st.text())
def test_no_skill_is_a_term(name):
    for term in (TEAM, LEADER, LABEL):
        assert not skill_key(f"{term}{name}").startswith(term)


def test_what_is_needed_in_words():
    assert [told_of(it) for it in WHOLE.needs] == [
        "python",
        "sql",
        "lead of team writers",
        "label gpu",
        "label region=eu",
    ]
