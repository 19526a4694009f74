"""Snapshots of a live store: everything is there, as the models have it."""

from __future__ import annotations

import networkx as nx
import pytest

from graph_orch import AnalysisError, ValidationError, analysis


@pytest.fixture
def lived(orch, new_task, running):
    """Two agents, a chain of three tasks, of which the first was tried twice."""
    orch.agents.register_agent("ada", ["Python", "Go"], metadata={"team": {"name": "x"}})
    orch.agents.register_agent("bob", ["python"])
    orch.agents.learn_new_capability("bob", "Rust", 0.25)
    first = new_task("one", "build", requirements=["PYTHON"], metadata={"a": [1, None]})
    second = new_task("two", "test", dependencies=[first], priority="high")
    third = new_task("three", "test", dependencies=[second, first])
    orch.tasks.assign_task(first, "ada")
    orch.tasks.start_task(first)
    orch.tasks.fail_task(first, "broke")
    orch.tasks.assign_task(first, "bob")
    orch.tasks.start_task(first)
    orch.tasks.complete_task(first, {"value": 1}, {"duration_ms": 5, "tokens": 7})
    return first, second, third


def attributes(model) -> dict:
    return {name: value for name, value in model.model_dump().items() if value is not None}


def test_an_empty_store_gives_empty_graphs(orch):
    for kind in ("agents-skills", "tasks", "all"):
        graph = analysis.snapshot(orch, kind)
        assert len(graph) == 0
        assert graph.graph["kind"] == kind
        assert isinstance(graph, nx.MultiDiGraph if kind == "all" else nx.DiGraph)


def test_agents_and_skills(orch, lived):
    graph = analysis.snapshot(orch)
    for agent in orch.agents.list_agents():
        expected = attributes(agent) | {"label": "Agent", "bipartite": 0}
        assert graph.nodes[agent.agent_id] == expected
    assert graph.nodes["skill:python"] == {
        "label": "Skill",
        "key": "python",
        "name": "Python",
        "bipartite": 1,
    }
    assert sorted(graph.edges) == [
        ("ada", "skill:go"),
        ("ada", "skill:python"),
        ("bob", "skill:python"),
        ("bob", "skill:rust"),
    ]
    edge = graph.edges["bob", "skill:rust"]
    assert (edge["type"], edge["confidence"]) == ("HAS_SKILL", 0.25)
    assert edge["learned_at"].utcoffset().total_seconds() == 0


def test_tasks(orch, lived):
    first, second, third = lived
    graph = analysis.snapshot(orch, "tasks")
    for task in orch.tasks.query_tasks():
        node = dict(graph.nodes[task.task_id])
        tries = node.pop("tries")
        assert node == attributes(task) | {"label": "Task"}
        assert tries == [attributes(it) for it in orch.tasks.get_tries(task.task_id)]
    assert [it["agent_id"] for it in graph.nodes[first]["tries"]] == ["ada", "bob"]
    assert list(graph.edges(data="type")) == [
        (second, first, "DEPENDS_ON"),
        (third, second, "DEPENDS_ON"),
        (third, first, "DEPENDS_ON"),
    ]
    assert graph.graph["tries"] == 2
    assert graph.graph["outside"] == {"DEPENDS_ON": 0}


def test_everything(orch, lived, cypher):
    first, second, third = lived
    cypher(
        "MATCH (a:Agent {agent_id: 'ada'}) CREATE (a)-[:MEMBER_OF {weight: 0.5}]->"
        "(:Team {team_id: 't', name: 'T', modularity: 0.1, created_at: datetime()})"
    )
    graph = analysis.snapshot(orch, "all")
    assert sorted(graph.edges(keys=True)) == sorted(
        [
            ("ada", "skill:go", "HAS_SKILL"),
            ("ada", "skill:python", "HAS_SKILL"),
            ("bob", "skill:python", "HAS_SKILL"),
            ("bob", "skill:rust", "HAS_SKILL"),
            ("ada", "team:t", "MEMBER_OF"),
            (first, "skill:python", "REQUIRES"),
            (first, "ada", "ASSIGNED_TO:1"),
            (first, "bob", "ASSIGNED_TO:2"),
            (second, first, "DEPENDS_ON"),
            (third, first, "DEPENDS_ON"),
            (third, second, "DEPENDS_ON"),
        ]
    )
    failed = graph.edges[first, "ada", "ASSIGNED_TO:1"]
    assert (failed["type"], failed["error"], failed["attempt"]) == ("ASSIGNED_TO", "broke", 1)
    assert graph.edges["ada", "team:t", "MEMBER_OF"] == {"type": "MEMBER_OF", "weight": 0.5}
    team = graph.nodes["team:t"]
    assert (team["label"], team["name"]) == ("Team", "T")
    assert team["created_at"].utcoffset().total_seconds() == 0
    assert set(graph.graph["outside"].values()) == {0}
