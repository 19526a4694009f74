"""Snapshots of a live store: everything is there, as the models have it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import networkx as nx
import pytest
from matplotlib.text import Text

from graph_orch import AnalysisError, NewTask, ValidationError, Worker, analysis
from tests.integration.test_worker import at_work
from tests.waiting import eventually


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
    for agent in orch.agents.list():
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


def test_agents_by_id(orch, lived):
    graph = analysis.snapshot(orch, agent_id=["bob", "nobody"])
    assert sorted(graph) == ["bob", "skill:python", "skill:rust"]
    assert graph.nodes["skill:python"]["name"] == "Python"
    assert graph.graph["filters"] == {"agent_id": ["bob", "nobody"]}
    assert len(analysis.snapshot(orch, agent_id="nobody")) == 0


def test_agents_by_skill(orch, lived):
    orch.agents.register_agent("cyd", ["go"])
    graph = analysis.snapshot(orch, skill=["RUST", "Python", "none"])
    assert sorted(graph) == ["ada", "bob", "skill:python", "skill:rust"]
    assert sorted(graph.edges) == [
        ("ada", "skill:python"),
        ("bob", "skill:python"),
        ("bob", "skill:rust"),
    ]
    assert graph.nodes["ada"]["capabilities"] == ["Python", "Go"]
    assert sorted(analysis.snapshot(orch, skill="rust", agent_id=["ada", "bob"])) == [
        "bob",
        "skill:rust",
    ]


def test_a_skill_that_nobody_has_is_there(orch, new_task):
    new_task(requirements=["Forging"])
    orch.agents.register_agent("ada", [])
    graph = analysis.snapshot(orch)
    assert sorted(graph) == ["ada", "skill:forging"]
    assert graph.number_of_edges() == 0


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "completed"}, [0]),
        ({"status": ["pending", "completed"], "priority": "high"}, [1]),
        ({"task_type": "test"}, [1, 2]),
        ({"agent_id": "bob"}, [0]),
        ({"agent_id": "ada"}, []),
        ({"requirement": "python"}, [0]),
        ({"text": "two"}, [1]),
        ({"finished_before": datetime(2200, 1, 1, tzinfo=UTC)}, [0]),
        ({"created_after": datetime(2200, 1, 1, tzinfo=UTC)}, []),
    ],
)
def test_tasks_by_filters(orch, lived, filters, expected):
    graph = analysis.snapshot(orch, "tasks", **filters)
    assert list(graph) == [lived[at] for at in expected]
    assert graph.graph["filters"] == {
        name: value if isinstance(value, datetime | list) or name == "text" else [value]
        for name, value in filters.items()
    }


def test_dependencies_that_point_outside_are_counted(orch, lived):
    _, second, third = lived
    graph = analysis.snapshot(orch, "tasks", task_type="test")
    assert list(graph.edges) == [(third, second)]
    assert graph.graph["outside"] == {"DEPENDS_ON": 2}
    everything = analysis.snapshot(orch, "all", task_type="test")
    assert everything.graph["outside"]["DEPENDS_ON"] == 2
    assert {"ada", "bob", "skill:go", second, third} <= set(everything)


def test_a_try_of_an_agent_that_left_stays_with_the_task(orch, lived):
    orch.agents.deregister_agent("ada")
    graph = analysis.snapshot(orch, "all")
    assert "ada" not in graph
    assert [it["agent_id"] for it in graph.nodes[lived[0]]["tries"]] == ["ada", "bob"]
    assert graph.graph["outside"]["ASSIGNED_TO"] == 1


def test_an_agent_that_is_called_like_a_task(orch, new_task):
    task_id = new_task()
    orch.agents.register_agent(task_id, [])
    with pytest.raises(AnalysisError, match=f"task '{task_id}' and agent '{task_id}'"):
        analysis.snapshot(orch, "all")
    assert list(analysis.snapshot(orch, "tasks")) == list(analysis.snapshot(orch)) == [task_id]
    assert len(analysis.snapshot(orch, "all", status="failed")) == 1


@pytest.fixture
def small_pages(monkeypatch):
    for name in ("TASKS_PAGE", "SKILLS_PAGE", "AGENTS_PAGE", "TEAMS_PAGE"):
        monkeypatch.setattr(f"graph_orch._sync.export.{name}", 2)


def test_all_pages_are_read(orch, small_pages, cypher):
    ids = orch.tasks.create_tasks(NewTask(content="x", task_type="any") for _ in range(7))
    for number in range(5):
        orch.agents.register_agent(f"agent-{number}", ["all", f"skill-{number}"])
    cypher(
        "UNWIND range(1, 4) AS i MATCH (a:Agent) "
        "MERGE (g:Team {team_id: toString(i)}) CREATE (a)-[:MEMBER_OF]->(g)"
    )
    told = []
    graph = analysis.snapshot(orch, "all", progress=lambda *at: told.append(at))
    assert set(ids) < set(graph)
    assert len(graph) == 7 + 5 + 6 + 4
    assert graph.number_of_edges() == 5 * 2 + 4 * 5
    assert told[-1] == (22, 22)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(analysis.snapshot(orch, agent_id=[f"agent-{n}" for n in range(5)])) == 11
    assert len(analysis.snapshot(orch, skill="all")) == 6
    analysis.snapshot(orch, "tasks", task_type="any", progress=lambda *at: told.append(at))
    assert told[-1] == (7, None)


@pytest.mark.parametrize(
    "filters",
    [
        {"requirement": "x"},
        {"finished_before": datetime(2200, 1, 1, tzinfo=UTC)},
        {"agent_id": ["ada", *(f"nobody-{number}" for number in range(20))]},
        {"text": "same", "priority": "medium"},
        {"task_type": ["any", *(f"none-{number}" for number in range(20))]},
    ],
)
def test_all_pages_are_read_whatever_leads(orch, small_pages, new_task, filters):
    orch.agents.register_agent("ada", ["x"])
    ids = [new_task("same", requirements=["x"]) for _ in range(7)]
    new_task("other", "other", priority="low")
    for task_id in ids:
        orch.tasks.assign_task(task_id, "ada")
        orch.tasks.start_task(task_id)
        orch.tasks.complete_task(task_id)
    assert list(analysis.snapshot(orch, "tasks", **filters)) == ids


def test_what_changes_while_it_is_read_does_not_break_it(orch, small_pages, lived, new_task):
    third = lived[2]
    more = [new_task(dependencies=[third]) for _ in range(4)]

    def meddle(done: int, total: int | None) -> None:
        if done == 2:
            orch.tasks.cancel_task(third)
            orch.tasks.cancel_task(more[0])
            orch.retention.prune(0)
            orch.agents.register_agent("eve", ["Novel"])
            orch.agents.learn_new_capability("bob", "Later")
            late.append(new_task(requirements=["Latest"]))
            orch.tasks.add_dependency(late[0], more[1])

    late: list[str] = []
    graph = analysis.snapshot(orch, "all", progress=meddle)
    assert graph.has_edge(late[0], more[1], "DEPENDS_ON")
    assert graph.nodes["skill:latest"]["name"] == "Latest"
    assert graph.nodes["eve"]["capabilities"] == ["Novel"]
    assert graph.has_edge("bob", "skill:later", "HAS_SKILL")
    assert all("label" in data for _, data in graph.nodes(data=True))


def test_a_skill_learned_between_skills_and_agents_has_its_name(orch, lived):
    def learn(done: int, total: int | None) -> None:
        orch.agents.learn_new_capability("bob", "Brand New")

    graph = analysis.snapshot(orch, progress=learn)
    assert graph.nodes["skill:brand new"]["name"] == "Brand New"
    assert "Brand New" in graph.nodes["bob"]["capabilities"]


async def test_the_asynchronous_snapshot_is_the_same(aorch, connected):
    await aorch.agents.register_agent("ada", ["x"])
    first = await aorch.tasks.create_task("x", "any", requirements=["x"])
    await aorch.tasks.create_task("x", "any", dependencies=[first])
    await aorch.tasks.assign_task(first, "ada")
    for kind in ("agents-skills", "tasks", "all"):
        one, other = await analysis.asnapshot(aorch, kind), analysis.snapshot(connected, kind)
        assert list(one.nodes(data=True)) == list(other.nodes(data=True))
        assert list(one.edges(data=True)) == list(other.edges(data=True))
    with pytest.raises(ValidationError, match="await asnapshot"):
        analysis.snapshot(aorch)
    with pytest.raises(ValidationError, match="Orchestrator call snapshot"):
        await analysis.asnapshot(connected)


@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".graphml"])
@pytest.mark.parametrize("kind", ["agents-skills", "tasks", "all"])
def test_a_snapshot_comes_back_from_its_file(orch, lived, tmp_path, kind, suffix):
    graph = analysis.snapshot(
        orch, kind, **({} if kind == "agents-skills" else {"task_type": "build"})
    )
    analysis.save(graph, tmp_path / f"x{suffix}")
    read = analysis.load(tmp_path / f"x{suffix}")
    assert type(read) is type(graph)
    assert read.graph == graph.graph
    assert list(read.nodes(data=True)) == list(graph.nodes(data=True))
    assert list(read.edges(data=True)) == list(graph.edges(data=True))


@pytest.mark.parametrize("suffix", [".json", ".graphml"])
@pytest.mark.parametrize("kind", ["tasks", "all"])
def test_gates_and_workflows(orch, lived, tmp_path, kind, suffix):
    orch.agents.register_agent("cleo", [])
    schema = {"type": "object", "required": ["n"]}
    asked = orch.gates.create("how many?", kind="input", schema=schema, approvers=["grace"])
    passed = orch.gates.create("may I?").gate_id
    orch.gates.decide(passed, "approve", by="grace")
    task = {"content": "x", "task_type": "x", "name": "count", "gates": [asked.gate_id, passed]}
    after = {"content": "y", "task_type": "x", "dependencies": ["count"]}
    orch.workflows.start("flow", [task, after], workflow_id="w")
    (held, _) = orch.tasks.query_tasks({"workflow_id": "w"})
    path = tmp_path / f"graph{suffix}"
    analysis.save(analysis.snapshot(orch, kind), path)
    graph = analysis.load(path)
    assert {it["label"] for _, it in graph.nodes(data=True)} >= {"Task", "Gate"}
    assert graph.nodes[f"gate:{asked.gate_id}"]["question"] == "how many?"
    tasks = analysis.TaskGraph.of(graph).tasks
    assert tasks[held.task_id].workflow_id == "w"
    assert tasks[held.task_id].closed_gates == {f"gate:{asked.gate_id}"}
    (reason,) = analysis.tasks.why_blocked(graph, held.task_id).reasons
    (stored,) = orch.insights.why_blocked(held.task_id).reasons
    assert reason.sentence == stored.sentence
    figure = analysis.pictures.draw_tasks(graph, tmp_path / "tasks.svg")
    assert "2 gates" in "".join(text.get_text() for text in figure.findobj(Text))
    if kind == "all":
        # Those of the chain that are left; a gate holds the others.
        left = analysis.simulation.tasks_of(graph, live_only=True)
        assert analysis.simulation.simulate(left, graph).completed == 2
    of_flow = analysis.snapshot(orch, kind, workflow_id="w")
    assert sum(it["label"] == "Task" for _, it in of_flow.nodes(data=True)) == 2


@pytest.mark.parametrize("suffix", [".json", ".graphml"])
@pytest.mark.parametrize("kind", ["tasks", "all"])
def test_steps_and_budgets(orch, lived, tmp_path, kind, suffix):
    worker = Worker(orch, "cleo", [])

    @worker.task("paid")
    def paid(ctx):
        ctx.record(tokens=40, cost="0.5")
        ctx.step("fetch", lambda: "a large page")
        ctx.step("fetch", lambda: time.sleep(0.02))
        ctx.sleep(0.05)
        return ctx.step("write", lambda: 1)

    orch.agents.register_agent("cleo", [], max_concurrent_tasks=1)
    one = {"name": "a", "content": "x", "task_type": "paid", "estimate": {"tokens": 60}}
    after = one | {"name": "b", "dependencies": ["a"]}
    flow = orch.workflows.start("flow", [one, after], budget={"tokens": 100})
    orch.budgets.set("agent:cleo", {"cost": 5})
    with at_work(worker):
        assert eventually(
            lambda: orch.budgets.get(f"workflow:{flow.workflow_id}").left.tokens == 20, 30
        )
    tasks = orch.tasks.query_tasks({"workflow_id": flow.workflow_id})
    (done,) = [it for it in tasks if it.status == "completed"]
    (waits,) = [it for it in tasks if it.status == "pending"]
    path = tmp_path / f"graph{suffix}"
    taken = analysis.snapshot(orch, kind)
    analysis.save(taken, path)
    graph = analysis.load(path)
    assert dict(graph.nodes(data=True)) == dict(taken.nodes(data=True))
    assert [(it["key"], it["attempt"]) for it in graph.nodes[done.task_id]["steps"]] == [
        *(("step:fetch#1", 1), ("step:fetch#2", 1)),
        *(("sleep#1", 1), ("step:write#1", 2)),
    ]
    assert [(it["tokens"], it["cost"]) for it in graph.nodes[done.task_id]["tries"]] == [
        *((40, 0.5), (40, 0.5)),
    ]
    owner = f"workflow:{flow.workflow_id}"
    budget = graph.nodes[f"budget:{owner}"]
    assert (budget["label"], budget["owner"], budget["is_closed"]) == ("Budget", owner, False)
    assert (budget["budget"], budget["left"]) == ({"tokens": 100}, {"tokens": 20})
    assert (budget["spent"]["tokens"], budget["spent"]["cost"]) == (80, 1.0)
    joined = {(it["type"], other) for _, other, it in graph.edges(waits.task_id, data=True)}
    assert ("CHARGES", f"budget:{owner}") in joined
    assert graph.has_edge("cleo", "budget:agent:cleo") == (kind == "all")
    if kind == "all":
        (reason,) = analysis.tasks.why_blocked(graph, waits.task_id).reasons
        (stored,) = orch.insights.why_blocked(waits.task_id).reasons
        assert (reason.kind, reason.sentence) == (stored.kind, stored.sentence)
    timeline = {it.task: it.steps for it in analysis.Timeline.of(graph).tasks}
    assert timeline[done.task_id][1].duration_ms >= 20
    assert timeline[waits.task_id] == ()
    of_one = graph.subgraph([done.task_id, *graph.successors(done.task_id)])
    figure = analysis.pictures.draw_gantt(of_one, tmp_path / "one.svg")
    texts = {text.get_text() for text in figure.findobj(Text)}
    assert {"its steps", "step of its handler (4)"} <= texts
    figure = analysis.pictures.draw_gantt(graph, tmp_path / "all.svg")
    assert "its steps" not in {text.get_text() for text in figure.findobj(Text)}


def test_frames(orch, lived):
    frames = analysis.to_frames(analysis.snapshot(orch, "all"))
    assert {name: len(frame) for name, frame in frames.items()} == {
        "Task": 3,
        "Skill": 3,
        "Agent": 2,
        "Team": 0,
        "DEPENDS_ON": 3,
        "REQUIRES": 1,
        "ASSIGNED_TO": 2,
        "HAS_SKILL": 4,
        "MEMBER_OF": 0,
    }
    tasks = frames["Task"].set_index("node")
    assert (
        str(tasks["created_at"].dtype) == str(tasks["completed_at"].dtype) == "datetime64[us, UTC]"
    )
    assert tasks.loc[lived[0], "completed_at"] == orch.tasks.get_task_status(lived[0]).completed_at
    assert frames["ASSIGNED_TO"]["duration_ms"].notna().all()
