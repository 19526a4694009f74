"""Registering an agent again: what is given changes, what is absent stays."""

from __future__ import annotations

import pytest

from graph_orch import Worker
from graph_orch.errors import ValidationError
from graph_orch.tools.call import Call
from graph_orch.tools.table import TOOLS


def settings(agent) -> tuple:
    return agent.capabilities, agent.metadata, agent.max_concurrent_tasks


@pytest.mark.parametrize(
    ("first", "again", "metadata", "slots"),
    [
        ({}, {}, None, 5),
        ({"metadata": {"a": 1}, "max_concurrent_tasks": 2}, {}, {"a": 1}, 2),
        ({"metadata": {"a": 1}}, {"metadata": None}, {"a": 1}, 5),
        ({"metadata": {"a": 1}}, {"metadata": {}}, {}, 5),
        ({"metadata": {"a": 1}}, {"metadata": {"b": 2}}, {"b": 2}, 5),
        ({"max_concurrent_tasks": 2}, {"metadata": {"b": 2}}, {"b": 2}, 2),
        ({"metadata": {"max_concurrent_tasks": 3}}, {}, {"max_concurrent_tasks": 3}, 3),
        (
            {"metadata": {"max_concurrent_tasks": 3}},
            {"max_concurrent_tasks": 5},  # as many as a new agent has, and given all the same
            {"max_concurrent_tasks": 3},
            5,
        ),
        (
            {},
            {"metadata": {"max_concurrent_tasks": 9}, "max_concurrent_tasks": 5},
            {"max_concurrent_tasks": 9},
            5,
        ),
        (
            {"max_concurrent_tasks": 2},
            {"metadata": {"max_concurrent_tasks": 9}},
            {"max_concurrent_tasks": 9},
            9,
        ),
        (
            {"max_concurrent_tasks": 2},
            {"metadata": {"max_concurrent_tasks": None}},
            {"max_concurrent_tasks": None},
            2,
        ),
    ],
)
def test_what_is_absent_stays(orch, first, again, metadata, slots):
    orch.agents.register_agent("ada", ["x"], **first)
    assert settings(orch.agents.register_agent("ada", ["x"], **again)) == (["x"], metadata, slots)


def test_slots_in_metadata_are_looked_at_where_they_count(orch):
    with pytest.raises(ValidationError, match=r"metadata\.max_concurrent_tasks"):
        orch.agents.register_agent("ada", [], {"max_concurrent_tasks": "many"})
    agent = orch.agents.register_agent(
        "ada", [], {"max_concurrent_tasks": "many"}, max_concurrent_tasks=2
    )
    assert agent.max_concurrent_tasks == 2


def test_fewer_skills_leave_its_record_its_work_and_its_confidence(orch, running, cypher):
    orch.agents.register_agent("ada", ["x"], {"a": 1})
    orch.agents.learn_new_capability("ada", "y", 0.5)
    task = running("ada", requirements=["x"])
    orch.agents.update_agent_performance("ada", True, 5)
    agent = orch.agents.register_agent("ada", ["Y"])
    assert settings(agent) == (["y"], {"a": 1}, 5)
    assert (agent.active_tasks, agent.total_completed) == (1, 1)
    assert orch.tasks.complete_task(task.task_id).status == "completed"
    (row,) = cypher("MATCH (:Agent)-[h:HAS_SKILL]->(k) RETURN k.key AS key, h.confidence AS sure")
    assert dict(row) == {"key": "y", "sure": 0.5}


def test_deregistered_agent_comes_back_as_a_new_one_with_its_record(orch):
    orch.agents.register_agent("ada", ["x"], {"a": 1}, max_concurrent_tasks=2)
    orch.agents.update_agent_performance("ada", False, 5)
    orch.agents.deregister_agent("ada")
    agent = orch.agents.register_agent("ada", ["y"])
    assert settings(agent) == (["y"], None, 5)
    assert agent.total_failed == 1


async def test_tool_keeps_what_is_absent(aorch):
    async def register(**given):
        await TOOLS["orchestration_register_agent"].run(Call(aorch), {"agent_id": "ada"} | given)
        return settings(await aorch.agents.get_agent("ada"))

    assert await register(capabilities=["x", "y"], metadata={"a": 1}) == (["x", "y"], {"a": 1}, 5)
    assert await register(max_concurrent=2) == (["x", "y"], {"a": 1}, 2)
    assert await register(capabilities=["y"]) == (["y"], {"a": 1}, 2)
    told = {"max_concurrent_tasks": 7}
    assert await register(metadata=told) == (["y"], told, 7)
    assert await register(metadata=told, max_concurrent=5) == (["y"], told, 5)
    assert await register(learn=["z"]) == (["y", "z"], told, 5)


async def test_worker_keeps_metadata_and_says_its_slots(aorch):
    await aorch.agents.register_agent("ada", ["x"], {"max_concurrent_tasks": 9})
    worker = Worker(aorch, "ada", ["x"], concurrency=5)
    worker.task("any")(lambda context: worker.stop())
    await aorch.tasks.create_task("x", "any")
    await worker.serve()
    found = settings(await aorch.agents.get_agent("ada"))
    assert found == (["x"], {"max_concurrent_tasks": 9}, 5)


@pytest.mark.parametrize("name", ["learn", "forget"])
async def test_a_skill_that_is_refused_leaves_all_as_it_was(aorch, name):
    asked = {"agent_id": "ada", "capabilities": ["x"], name: ["y", " "]}
    with pytest.raises(ValidationError, match=name):
        await TOOLS["orchestration_register_agent"].run(Call(aorch), asked)
    assert await aorch.agents.get_agent("ada") is None
