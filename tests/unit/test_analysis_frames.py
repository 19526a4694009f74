"""Tables from graphs: their names, their columns, and what pandas makes of the values."""

from __future__ import annotations

from datetime import UTC, datetime

import networkx as nx
import pandas as pd
import pytest

from graph_orch import TaskStatus, ValidationError, analysis
from graph_orch.analysis.snapshots.building import SnapshotBuilder

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EDGES = ["DEPENDS_ON", "REQUIRES", "ASSIGNED_TO", "HAS_SKILL", "MEMBER_OF"]
TABLES = {
    "agents-skills": ["Agent", "Skill", "HAS_SKILL"],
    "tasks": ["Task", "DEPENDS_ON"],
    "all": ["Task", "Skill", "Agent", "Team", *EDGES],
}


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


@pytest.mark.parametrize("kind", TABLES)
def test_an_empty_snapshot_has_all_its_tables(kind):
    frames = analysis.to_frames(SnapshotBuilder(kind, NOW).finish())
    assert list(frames) == TABLES[kind]
    assert all(frame.empty for frame in frames.values())
    if kind == "tasks":
        found = dtypes(frames["Task"])
        assert found["created_at"] == found["completed_at"] == "datetime64[us, UTC]"
        assert found["status"] == found["priority"] == "category"
        assert (found["content"], found["attempt"], found["success"]) == ("str", "int64", "bool")
        assert (found["execution_duration_ms"], found["metadata"]) == ("float64", "object")


def test_an_empty_graph_has_none():
    assert analysis.to_frames(nx.DiGraph()) == {}


def test_a_snapshot_of_tasks():
    graph = nx.DiGraph(kind="tasks")
    graph.add_node("a", label="Task", status="failed", success=False, completed_at=NOW, attempt=1)
    graph.add_node("b", label="Task", status="pending", metadata={"x": 1}, execution_duration_ms=5)
    graph.add_edge("a", "b", type="DEPENDS_ON")
    frames = analysis.to_frames(graph)
    tasks = frames["Task"]
    found = dtypes(tasks)
    assert (found["success"], found["attempt"], found["status"]) == ("boolean", "Int64", "category")
    assert list(tasks["status"].cat.categories) == [str(status) for status in TaskStatus]
    assert tasks["completed_at"][0] == NOW
    assert pd.isna(tasks["completed_at"][1])
    assert found["execution_duration_ms"] == "float64"
    assert tasks["metadata"][1] == {"x": 1}
    assert "label" not in tasks
    assert frames["DEPENDS_ON"].to_dict("records") == [{"source": "a", "target": "b"}]


def test_other_peoples_graphs():
    frames = analysis.to_frames(nx.karate_club_graph())
    assert dtypes(frames["Node"]) == {"node": "int64", "club": "str"}
    assert dtypes(frames["Edge"]) == {"source": "int64", "target": "int64", "weight": "int64"}
    assert (len(frames["Node"]), len(frames["Edge"])) == (34, 78)


def test_values_that_no_dtype_holds_are_objects():
    graph = nx.DiGraph()
    rows = [
        {"mixed": 1, "huge": 2**70, "naive": datetime(2026, 1, 1), "odd": float, "exact": 2**60},
        {"mixed": "x", "huge": 1, "naive": None, "odd": [1], "exact": 0.5},
    ]
    for number, row in enumerate(rows):
        graph.add_node((number, "x"), **row)
    frame = analysis.to_frames(graph)["Node"]
    assert set(dtypes(frame).values()) == {"object"}
    assert frame["node"].tolist() == [(0, "x"), (1, "x")]
    assert frame["huge"].tolist() == [2**70, 1]
    assert frame["naive"].tolist() == [datetime(2026, 1, 1), None]


def test_names_that_are_taken():
    graph = nx.MultiDiGraph()
    graph.add_node(1, label="KNOWS", node="x")
    graph.add_edge(1, 1, "k", type="KNOWS", key_=1)
    graph.edges[1, 1, "k"]["key"] = "own"
    frames = analysis.to_frames(graph)
    assert list(frames) == ["KNOWS", "KNOWS edges"]
    assert list(frames["KNOWS"]) == ["node", "node_"]
    assert frames["KNOWS edges"]["key"].tolist() == ["k"]


def test_a_status_that_is_none_of_ours():
    graph = nx.DiGraph(kind="tasks")
    graph.add_node("a", label="Task", status="odd")
    assert analysis.to_frames(graph)["Task"]["status"].tolist() == ["odd"]


@pytest.mark.parametrize("given", [None, {}, []])
def test_only_graphs_have_tables(given):
    with pytest.raises(ValidationError, match="no NetworkX graph"):
        analysis.to_frames(given)
