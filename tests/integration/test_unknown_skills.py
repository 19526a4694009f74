"""The warning of a task that requires what nobody can do."""

from __future__ import annotations

import logging

import pytest

from graph_orch import NewTask, Orchestrator


@pytest.fixture
def fresh(orch, server):
    """A connection of its own, as another process has it: what it looked up is not remembered."""
    orch.agents.register_agent("ada", ["Python", "SQL"])
    uri, auth, database = server
    with Orchestrator.connect(uri, auth, database) as it:
        yield it


def warned(caplog) -> list[str]:
    return [it.getMessage() for it in caplog.records if it.name == "graph_orch.tasks"]


def test_it_names_the_skill_and_the_nearest_once(fresh, caplog):
    for _ in range(2):
        fresh.tasks.create_task("x", "any", requirements=["pyhton", "sql"])
    (said,) = warned(caplog)
    assert "no agent has the skill 'pyhton'; did you mean 'Python'?" in said
    assert "update_task" in said
    fresh.workflows.start("w", [{"content": "x", "task_type": "any", "requirements": ["welding"]}])
    fresh.tasks.create_tasks(
        [NewTask(content="x", task_type="any", requirements=["welding"]) for _ in range(3)]
    )
    assert [it.partition(":")[0] for it in warned(caplog)[1:]] == [
        "no agent has the skill 'welding'"
    ]


def test_another_process_is_told_too_though_the_lane_is_there(orch, fresh, caplog):
    orch.tasks.create_task("x", "any", requirements=["flying"])
    before = len(warned(caplog))
    fresh.tasks.create_task("x", "any", requirements=["flying"])
    assert len(warned(caplog)) == before + 1


def test_a_skill_is_looked_up_once_and_not_at_all_where_nobody_listens(fresh, caplog, monkeypatch):
    reads: list[str] = []
    read = fresh.graph.read
    monkeypatch.setattr(
        fresh.graph, "read", lambda name, **given: reads.append(name) or read(name, **given)
    )
    fresh.tasks.create_task("x", "any", requirements=["sql"])
    assert "monitor/unheld" in reads
    reads.clear()
    fresh.tasks.create_task("x", "any", requirements=["sql"])
    assert reads == []
    with caplog.at_level(logging.ERROR, "graph_orch.tasks"):
        fresh.tasks.create_task("x", "any", requirements=["swimming"])
    assert "monitor/unheld" not in reads
    assert warned(caplog) == []
