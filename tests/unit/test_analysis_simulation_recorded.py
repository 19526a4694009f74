"""The simulator on what was recorded: workflows, snapshots, other people's graphs."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from graph_orch import (
    ValidationError,
)
from graph_orch.analysis.simulation import (
    Mode,
    SimulatedAgent,
    agents_of,
    identical_agents,
    simulate,
    tasks_of,
    unlimited,
)
from graph_orch.analysis.wfformat import read_workflow
from graph_orch.domain.dag import critical_path_of

MODES = list(Mode)
ONE = SimulatedAgent("one", max_concurrent_tasks=1)


def document(parents: dict[str, list[str]], seconds: dict[str, float]) -> dict[str, Any]:
    rows = [
        {"id": key, "parents": parents[key], "runtimeInSeconds": seconds[key], "program": "p"}
        for key in parents
    ]
    return {"name": "generated", "workflow": {"tasks": rows}}


def test_a_workflow_file(tmp_path: Path):
    path = tmp_path / "fork-join.json"
    parents = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
    path.write_text(json.dumps(document(parents, {"a": 1.5, "b": 2.25, "c": 4.0, "d": 0.5})))
    workflow = read_workflow(path)
    assert simulate(workflow, unlimited(workflow)).makespan == 6.0
    assert simulate(workflow, identical_agents(1, workflow)).makespan == 8.25
    assert {it.requirements for it in tasks_of(workflow)} == {("p",)}
    assert simulate(workflow, identical_agents(1)).unroutable == 1


def test_recorded_traces(trace: Path):
    workflow = read_workflow(trace)
    chain = critical_path_of(workflow.dependencies, {it.id: it.seconds for it in workflow.steps})
    for mode in MODES:
        result = simulate(workflow, unlimited(workflow), mode=mode)
        assert result.makespan == chain.seconds
        assert result.completed == len(workflow.steps)
        some = simulate(workflow, identical_agents(3, workflow), mode=mode)
        assert some.makespan >= chain.seconds


START = datetime(2026, 1, 1, tzinfo=UTC)


def snapshot() -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph(kind="all", taken_at=START + timedelta(seconds=100))

    def add(key: str, second: float, status: str, **fields: Any) -> None:
        graph.add_node(
            key,
            label="Task",
            task_id=key,
            task_type=fields.pop("task_type", "kind"),
            status=status,
            priority="medium",
            requirements=["Python"],
            created_at=START + timedelta(seconds=second),
            max_retries=3,
            retry_count=fields.pop("retry_count", 0),
            on_dependency_failure="wait",
            **fields,
        )

    add("done", 0, "completed", execution_duration_ms=2_000.0)
    add("pending", 10.1, "pending", retry_count=2, available_at=START + timedelta(seconds=130))
    add("running", 20, "running", task_type="other")
    tried = {"started_at": START, "ended_at": START + timedelta(seconds=6), "outcome": "failed"}
    add("failed", 30, "failed", tries=[tried, {"started_at": START}], retry_count=3)
    add("behind", 40, "pending", unmet=1)
    graph.add_edge("pending", "done", key="DEPENDS_ON", type="DEPENDS_ON")
    graph.add_edge("behind", "failed", key="DEPENDS_ON", type="DEPENDS_ON")
    graph.add_node("skill:python", label="Skill", key="python", name="Python")
    graph.add_edge("pending", "skill:python", key="REQUIRES", type="REQUIRES")
    graph.add_node(
        "ada",
        label="Agent",
        agent_id="ada",
        capabilities=["python"],
        max_concurrent_tasks=2,
        success_rate=0.75,
        total_completed=3,
        total_failed=1,
    )
    graph.add_edge("running", "ada", key="ASSIGNED_TO:1", type="ASSIGNED_TO")
    return graph


def test_a_snapshot_is_replayed_from_its_beginning():
    graph = snapshot()
    before = copy.deepcopy(graph)
    found = {it.task_id: it for it in tasks_of(graph)}
    assert [it.arrives_at for it in found.values()] == [0.0, 10.1, 20.0, 30.0, 40.0]
    # Its own, the mean of its type (2 and 6), the mean of all, its last try, the mean of its type.
    assert [it.duration for it in found.values()] == [2.0, 4.0, 4.0, 6.0, 4.0]
    assert found["pending"].dependencies == ("done",)
    assert found["pending"].available_at is None
    assert found["pending"].max_retries == 3
    result = simulate(graph)
    assert result.completed == 5
    assert result.agents[0].success_rate == 8 / 9
    assert nx.utils.graphs_equal(graph, before)


def test_the_rest_of_a_snapshot_is_simulated_from_now():
    found = {it.task_id: it for it in tasks_of(snapshot(), live_only=True)}
    assert list(found) == ["pending", "running", "behind"]
    assert {it.arrives_at for it in found.values()} == {0.0}
    assert found["pending"].dependencies == ()
    assert found["pending"].available_at == 30.0
    assert found["pending"].max_retries == 1
    assert [it.is_held for it in found.values()] == [False, False, True]
    result = simulate(found.values(), agents_of(snapshot()))
    assert (result.completed, result.blocked) == (2, 1)
    assert result.tasks[2].reason == "waits for something that is not simulated"


def test_agents_by_their_edges():
    graph = nx.DiGraph()
    graph.add_node("ada", label="Agent")
    graph.add_node("skill:sql", label="Skill", key="sql", name="SQL")
    graph.add_edge("ada", "skill:sql", type="HAS_SKILL")
    assert agents_of(graph) == (SimulatedAgent("ada", ("sql",)),)
    with pytest.raises(ValidationError, match="no agents"):
        agents_of(nx.DiGraph())


@pytest.mark.parametrize("mode", MODES)
def test_a_graph_that_is_not_ours(mode):
    graph = nx.DiGraph([((2, "b"), 1), (frozenset({3}), 1)])
    graph.nodes[1]["cost"] = 2
    tasks = tasks_of(graph, duration=lambda key: graph.nodes[key].get("cost", 1.0))
    result = simulate(tasks, unlimited(tasks), mode=mode)
    assert result.makespan == 3.0
    assert {it.task_id for it in result.tasks} == set(graph)
    for duration in (1, dict.fromkeys(graph, 1)):
        assert {it.duration for it in tasks_of(graph, duration=duration)} == {1.0}
    with pytest.raises(ValidationError, match="how long"):
        tasks_of(graph, duration="cost")
    with pytest.raises(ValidationError, match="how long"):
        tasks_of(graph)


def test_an_undirected_graph_is_refused():
    with pytest.raises(ValidationError, match="undirected"):
        tasks_of(nx.karate_club_graph(), duration=1)
    directed = nx.DiGraph(nx.karate_club_graph())
    result = simulate(tasks_of(directed, duration=1), [ONE])  # each edge is a circle of two
    assert result.blocked == 34
    assert len(result.cycles) == 1


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"created_at": datetime(2026, 1, 1)}, "time zone"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"requirements": "python"}, "give a list"),
        ({"priority": 3}, "not one of high"),
        ({"execution_duration_ms": float("nan")}, "execution_duration_ms"),
        ({"execution_duration_ms": -1}, "execution_duration_ms"),
        ({"max_retries": -1}, "max_retries"),
        ({"tries": [{"started_at": "x", "ended_at": "y"}], "execution_duration_ms": None}, "a try"),
    ],
)
def test_bad_attributes_are_named(attributes, says):
    graph = nx.DiGraph()
    graph.add_node("x", **{"execution_duration_ms": 1.0, **attributes})
    with pytest.raises(ValidationError, match=says):
        tasks_of(graph)
