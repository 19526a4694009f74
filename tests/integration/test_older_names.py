"""What is stored under a name that no longer can be given is found, finished and removed by it."""

from __future__ import annotations

import pytest

from graph_orch import ValidationError

OLD = "name\u200b"


@pytest.fixture
def old(orch, cypher) -> str:
    """A graph with such names; the id of a task in it."""
    orch.agents.register_agent("name", ["name"])
    task_id = orch.tasks.create_task("work", "name")
    orch.schedules.put("name", "0 0 1 1 *", {"content": "x", "task_type": "any"})
    cypher("MATCH (a:Agent) SET a.agent_id = $old, a.skills = [$old]", old=OLD)
    cypher("MATCH (s:Skill) SET s.key = $old, s.name = $old", old=OLD)
    cypher("MATCH (t:Task) SET t.task_type = $old", old=OLD)
    cypher("MATCH (s:Schedule) SET s.name = $old", old=OLD)
    return task_id


def test_what_has_an_older_name_is_found_finished_and_removed(orch, old):
    assert orch.agents.get_agent("name") is None
    assert orch.agents.get_agent(OLD).capabilities == [OLD]
    assert [it.task_id for it in orch.tasks.query_tasks({"task_type": OLD})] == [old]
    (claim,) = orch.tasks.claim_tasks(OLD, 1, task_types=[OLD], start=True)
    assert orch.tasks.complete_task(old, attempt=claim.attempt).assigned_to == OLD
    assert orch.agents.forget_capability(OLD, OLD).capabilities == []
    assert orch.agents.deregister_agent(OLD).agent_id == OLD
    assert orch.schedules.get(OLD) is not None
    assert orch.schedules.remove(OLD)


def test_nothing_new_gets_such_a_name(orch, old):
    for call in (
        lambda: orch.agents.register_agent(OLD, []),
        lambda: orch.agents.learn_new_capability(OLD, OLD),
        lambda: orch.tasks.create_task("x", OLD),
        lambda: orch.tasks.create_task("x", "any", requirements=[OLD]),
        lambda: orch.schedules.put(OLD, "* * * * *", {"content": "x", "task_type": "any"}),
        lambda: orch.tasks.cancel_task(old, command_id=OLD),
    ):
        with pytest.raises(ValidationError, match=r"U\+200B ZERO WIDTH SPACE"):
            call()


def test_the_task_of_a_tick_cannot_be_planted(orch, cypher):
    orch.schedules.put("nightly", "0 0 1 1 *", {"content": "x", "task_type": "any"})
    cypher("MATCH (s:Schedule) SET s.next_at = datetime() - duration('P1Y')")
    with pytest.raises(ValidationError, match="that graph_orch makes itself"):
        orch.tasks.create_task("y", "any", idempotency_key="schedule:nightly:2026-01-01T00:00:00")
    (task_id,) = orch.schedules.tick()
    task = orch.tasks.get_task_status(task_id)
    assert task.content == "x"
    assert task.idempotency_key.startswith("schedule:nightly:")


def test_the_event_of_a_creation_cannot_be_planted(orch, new_task):
    other, wanted = new_task(), "0190a0a0-0000-7000-8000-000000000000"
    with pytest.raises(ValidationError, match="makes itself"):
        orch.tasks.cancel_task(other, command_id=wanted.replace("-", "") + "c")
    assert new_task(task_id=wanted) == wanted
