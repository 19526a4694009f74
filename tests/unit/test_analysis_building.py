"""A graph from the pages of an export: what it holds, what it leaves out, what it refuses."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import networkx as nx
import pytest
from rich.console import Console

from graph_orch import (
    Agent,
    AnalysisError,
    ExportedAgent,
    ExportedTask,
    ExportedTeam,
    ExportPage,
    HeldSkill,
    Skill,
    Task,
    TaskPriority,
    TaskStatus,
    TaskTry,
    ValidationError,
    analysis,
)
from graph_orch.analysis.snapshots import progress
from graph_orch.analysis.snapshots.building import SnapshotBuilder
from graph_orch.analysis.snapshots.reading import filters_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def agent(agent_id: str, *skills: str) -> ExportedAgent:
    model = Agent(agent_id=agent_id, capabilities=[*skills], registered_at=NOW, last_seen_at=NOW)
    return ExportedAgent(model, [HeldSkill(skill.casefold(), 0.5, NOW) for skill in skills])


def task(task_id: str, *dependencies: str, requirements=(), tried_by=()) -> ExportedTask:
    model = Task(
        task_id=task_id,
        task_type="any",
        content="x",
        status=TaskStatus.PENDING,
        priority=TaskPriority.LOW,
        requirements=[*requirements],
        dependencies=[*dependencies],
        created_at=NOW,
        attempt=len(tried_by),
    )
    tries = [
        TaskTry(attempt=at, agent_id=agent_id, assigned_at=NOW + timedelta(seconds=at))
        for at, agent_id in enumerate(tried_by, 1)
    ]
    return ExportedTask(model, tries)


def team(team_id: str, *members: str) -> ExportedTeam:
    return ExportedTeam({"team_id": team_id, "name": None}, [(name, {}) for name in members])


def skill(name: str) -> Skill:
    return Skill(key=name.casefold(), name=name)


def built(kind: str, *pages: ExportPage):
    builder = SnapshotBuilder(kind, NOW)
    for page in pages:
        builder.add(page)
    return builder.finish()


def test_nothing_is_none_and_all_is_plain():
    graph = built("tasks", ExportPage(tasks=[task("t", tried_by=["a"])]))
    node = graph.nodes["t"]
    assert None not in node.values()
    assert type(node["status"]) is type(node["priority"]) is str
    assert node["tries"] == [{"attempt": 1, "agent_id": "a", "assigned_at": NOW + timedelta(0, 1)}]
    assert graph.graph["tries"] == 1


def test_dependencies_may_come_on_any_page():
    pages = [ExportPage(tasks=[task("a", "b")]), ExportPage(tasks=[task("b"), task("c", "a", "b")])]
    graph = built("tasks", *pages)
    assert list(graph.edges) == [("a", "b"), ("c", "a"), ("c", "b")]


def test_what_lies_outside_is_counted():
    page = ExportPage(tasks=[task("a", "b", "c", tried_by=["gone"])], teams=[team("t", "gone")])
    assert built("tasks", page).graph["outside"] == {"DEPENDS_ON": 2}
    graph = built("all", page)
    assert graph.graph["outside"] == {"DEPENDS_ON": 2, "ASSIGNED_TO": 1, "MEMBER_OF": 1}
    assert graph.number_of_edges() == 0
    assert graph.nodes["a"]["dependencies"] == ["b", "c"]


def test_each_try_is_an_edge():
    page = ExportPage(tasks=[task("t", tried_by=["a", "a"])], agents=[agent("a")])
    graph = built("all", page)
    keys = [key for _, _, key in graph.edges(keys=True)]
    assert keys == ["ASSIGNED_TO:1", "ASSIGNED_TO:2"]
    assert graph.edges["t", "a", "ASSIGNED_TO:2"]["attempt"] == 2
    assert "agent_id" not in graph.edges["t", "a", "ASSIGNED_TO:1"]


def test_a_skill_that_is_only_named_is_a_node_too():
    page = ExportPage(tasks=[task("t", requirements=["Straße"])], agents=[agent("a", "Go")])
    graph = built("all", page)
    assert graph.nodes["skill:strasse"]["name"] == "Straße"
    assert graph.has_edge("t", "skill:strasse", "REQUIRES")
    assert graph.nodes["skill:go"] == {"label": "Skill", "key": "go", "name": "go", "bipartite": 1}


def test_a_name_of_a_skill_comes_after_its_edge_too():
    pages = ExportPage(agents=[agent("a", "Go")]), ExportPage(skills=[skill("Go")])
    assert built("agents-skills", *pages).nodes["skill:go"]["name"] == "Go"


def test_attributes_of_edges_may_have_any_name():
    page = ExportPage(
        agents=[agent("a")], teams=[ExportedTeam({"team_id": "t"}, [("a", {"key": 1})])]
    )
    graph = built("all", page)
    assert graph.edges["a", "team:t", "MEMBER_OF"] == {"type": "MEMBER_OF", "key": 1}


@pytest.mark.parametrize(
    ("kind", "page", "both"),
    [
        ("all", ExportPage(tasks=[task("x")], agents=[agent("x")]), ["task 'x'", "agent 'x'"]),
        (
            "agents-skills",
            ExportPage(skills=[skill("Go")], agents=[agent("skill:go")]),
            ["skill 'go'", "agent 'skill:go'"],
        ),
        (
            "agents-skills",
            ExportPage(agents=[agent("skill:go"), agent("x", "go")]),
            ["skill 'go'", "agent 'skill:go'"],
        ),
        (
            "all",
            ExportPage(agents=[agent("team:t")], teams=[team("t")]),
            ["team 't'", "agent 'team:t'"],
        ),
    ],
)
def test_two_things_are_never_one_node(kind, page, both):
    with pytest.raises(AnalysisError) as error:
        built(kind, page)
    for name in [*both, "filter"]:
        assert name in str(error.value)


def test_texts_that_repeat_are_kept_once():
    page = ExportPage(tasks=[task("a"), task("".join(["b"]), "".join(["a"]))])
    graph = built("tasks", page)
    (only,) = graph.nodes["b"]["dependencies"]
    assert any(only is name for name in graph)


@pytest.mark.parametrize(
    ("kind", "filters", "words"),
    [
        ("task", {}, "'task' is none of agents-skills, tasks, all"),
        (["tasks"], {}, "is none of"),
        ("agents-skills", {"status": "failed"}, "known for 'agents-skills' are agent_id, skill"),
        ("tasks", {"skill": "x"}, "unknown filter skill"),
        ("all", {"status": "odd"}, "snapshot: status"),
        ("tasks", {"created_after": datetime(2026, 1, 1)}, "created_after"),
        ("agents-skills", {"agent_id": [""]}, "agent_id"),
    ],
)
def test_filters_that_do_not_fit(kind, filters, words):
    with pytest.raises(ValidationError, match=words):
        filters_of(kind, filters)


def test_progress_goes_where_it_is_asked_for(monkeypatch):
    def shown(given, terminal: bool) -> str:
        screen = io.StringIO()
        console = Console(file=screen, force_terminal=terminal, width=100)
        monkeypatch.setattr("rich.console.Console", lambda **_: console)
        with progress.reported("reading", given) as tell:
            tell(5, 10)
        return screen.getvalue()

    assert "5/10" in shown(True, terminal=False)
    assert "5/10" in shown(None, terminal=True)
    assert shown(None, terminal=False) == shown(False, terminal=True) == ""
    told = []
    assert shown(lambda *numbers: told.append(numbers), terminal=True) == ""
    assert told == [(5, 10)]


def test_offline_analysis_needs_no_driver(tmp_path):
    analysis.save(nx.DiGraph([(1, 2)]), tmp_path / "x.json")
    code = (
        "import sys; from graph_orch import analysis; "
        f"graph = analysis.load({str(tmp_path / 'x.json')!r}); analysis.to_frames(graph); "
        "assert len(graph) == 2; assert 'neo4j' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
