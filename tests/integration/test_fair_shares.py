"""Tasks of several fairness keys are given out in proportion to the weights of these."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_orch import NewTask
from graph_orch.errors import ValidationError
from graph_orch.testing.clock import advance


@pytest.fixture
def shared(orch):
    orch.agents.register_agent("ada", ["x", "y"], max_concurrent_tasks=10_000)
    return orch


def add(orch, key: str | None, number: int, **fields) -> None:
    how = {"content": key or "none", "task_type": "any", "fairness_key": key, **fields}
    orch.tasks.create_tasks([NewTask(**how) for _ in range(number)])


def claimed(orch, number: int, limit: int = 1) -> list[str]:
    """The keys of the next tasks, in the order in which they are given out."""
    found: list[str] = []
    while len(found) < number:
        claims = orch.tasks.claim_tasks("ada", min(limit, number - len(found)))
        assert claims
        found += [claim.task.content for claim in claims]
    return found


@pytest.mark.parametrize("limit", [1, 7])
def test_ten_tasks_come_among_very_many_that_were_there_first(shared, limit):
    add(shared, "large", 1_000)
    assert claimed(shared, 50, limit) == ["large"] * 50
    add(shared, "small", 10)
    got = claimed(shared, 20 + limit, limit)
    assert got.count("small") == 10
    assert Counter(got[:10])["large"] >= 3  # and it does not take all either


def test_keys_share_by_their_weights(shared):
    shared.tasks.set_fairness_weight("three", 3)
    shared.tasks.set_fairness_weight("half", 0.5)
    for key in ("one", "three", "half"):
        add(shared, key, 200)
    for _ in range(3):
        got = Counter(claimed(shared, 45))
        assert 29 <= got["three"] <= 31
        assert 9 <= got["one"] <= 11
        assert 4 <= got["half"] <= 6


@pytest.mark.parametrize("limit", [1, 20])
def test_many_lanes_of_a_key_are_one_share(shared, limit):
    for number in range(20):
        add(shared, "wide", 3, preferred_labels={f"label-{number}": 1})
    add(shared, "narrow", 60)
    got = Counter(claimed(shared, 20, limit))
    assert abs(got["wide"] - got["narrow"]) <= 2


def test_a_weight_counts_where_each_task_has_a_lane_of_its_own(shared):
    shared.tasks.set_fairness_weight("gold", 10)
    for number in range(60):
        add(shared, "gold", 1, concurrency_key=f"gold-{number}")
    add(shared, "plain", 60)
    got = Counter(claimed(shared, 44))
    assert 38 <= got["gold"] <= 42


def test_a_key_without_tasks_saves_up_nothing(shared):
    add(shared, "idle", 1)
    add(shared, "busy", 300)
    assert "idle" in claimed(shared, 4)
    claimed(shared, 100)
    add(shared, "idle", 100)
    got = Counter(claimed(shared, 40))
    assert abs(got["idle"] - got["busy"]) <= 2
    advance(shared, 3_600)  # nobody came for an hour
    got = Counter(claimed(shared, 40))
    assert abs(got["idle"] - got["busy"]) <= 2


def test_a_key_owes_nothing_for_what_it_had_alone(shared):
    add(shared, "early", 200)
    claimed(shared, 200)
    add(shared, "early", 100)
    add(shared, "late", 100)
    got = Counter(claimed(shared, 40))
    assert abs(got["early"] - got["late"]) <= 2


def test_what_an_agent_of_other_skills_was_given_does_not_starve_a_key(shared):
    """However far apart the shares of agents are that do not see the same tasks."""
    add(shared, "one", 300, requirements=["x"])
    claimed(shared, 200)
    shared.agents.register_agent("special", ["y"], max_concurrent_tasks=100)
    add(shared, "two", 300, requirements=["y"])
    assert len(shared.tasks.claim_tasks("special", 1)) == 1
    got = Counter(claimed(shared, 40))
    assert abs(got["one"] - got["two"]) <= 4


def test_a_key_that_others_serve_fast_has_its_turn_here_too(shared):
    shared.agents.register_agent("fast", ["x"], max_concurrent_tasks=1_000)
    shared.agents.register_agent("slow", ["y"], max_concurrent_tasks=1_000)
    for skill in ("x", "y"):
        add(shared, "both", 300, requirements=[skill])
    add(shared, "here", 300, requirements=["y"])
    got: Counter[str] = Counter()
    for _ in range(20):
        assert len(shared.tasks.claim_tasks("fast", 10)) == 10
        (claim,) = shared.tasks.claim_tasks("slow", 1)
        got[claim.task.content] += 1
    assert min(got["both"], got["here"]) >= 6


def test_a_key_whose_tasks_others_do_saves_up_nothing(shared):
    add(shared, "other", 10, task_type="other")
    add(shared, "busy", 300)
    shared.tasks.claim_tasks("ada", 1, task_types=["other"])
    for _ in range(100):
        assert shared.tasks.claim_tasks("ada", 1, task_types=["any"])
    add(shared, "new", 100)
    got = Counter(claimed(shared, 40))
    assert abs(got["busy"] - got["new"]) <= 4


def test_tasks_without_a_key_are_one_share(shared):
    add(shared, None, 100)
    add(shared, "keyed", 100)
    got = Counter(claimed(shared, 40))
    assert abs(got["none"] - got["keyed"]) <= 2


def test_priority_comes_first_unless_it_ages(shared):
    add(shared, "urgent", 10, priority="high")
    add(shared, "plain", 20)
    assert claimed(shared, 8) == ["urgent"] * 8
    shared.tasks.set_aging(60)
    add(shared, "plain", 20)
    assert set(claimed(shared, 4)) == {"urgent", "plain"}


def test_agents_that_claim_at_once_share_too(shared):
    for key in ("a", "b"):
        add(shared, key, 200)
    for number in range(8):
        shared.agents.register_agent(f"agent-{number}", [], max_concurrent_tasks=100)

    def claim(number: int) -> list[str]:
        return [
            it.task.content
            for _ in range(10)
            for it in shared.tasks.claim_tasks(f"agent-{number}", 2)
        ]

    with ThreadPoolExecutor(8) as pool:
        got = Counter(key for keys in pool.map(claim, range(8)) for key in keys)
    assert got.total() == 160
    assert abs(got["a"] - got["b"]) <= 16
    assert shared.doctor().findings == []


def test_a_weight_that_is_not_acceptable(shared):
    for weight in (0, -1, 1e-4, 1e4, float("nan"), float("inf"), "much"):
        with pytest.raises(ValidationError, match="weight"):
            shared.tasks.set_fairness_weight("x", weight)
    shared.tasks.set_fairness_weight("x", 0.5)
    assert shared.tasks.get_fairness_weights() == {"x": 0.5}
    with pytest.raises(ValidationError, match="key"):
        shared.tasks.set_fairness_weight("", 1)
