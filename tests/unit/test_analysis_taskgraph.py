"""Task graphs: levels, critical path, parallelism, schedules, blast radius, cycles, waiting."""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_orch import Agent, WaitKind, analysis
from graph_orch.analysis.tasks import AgentSlots
from graph_orch.errors import (
    AgentNotFoundError,
    DependencyCycleError,
    TaskNotFoundError,
    ValidationError,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Wikipedia-sized, by hand (activity, duration, predecessors); ends after 19 by a-c-f-g.
CPM = {"a": (3, ""), "b": (4, ""), "c": (6, "a"), "d": (2, "b"), "e": (5, "b"), "f": (7, "cd")}
CPM |= {"g": (3, "ef")}


def project(rows: dict) -> nx.DiGraph:
    graph = nx.DiGraph()
    for key, (seconds, before) in rows.items():
        graph.add_node(key, seconds=seconds)
        graph.add_edges_from((key, other) for other in before)
    return graph


@st.composite
def dags(draw, most=14):
    """Tasks 0…n-1, each depending on some before it, with seconds."""
    size = draw(st.integers(0, most))
    graph = nx.DiGraph()
    for key in draw(st.permutations(range(size))):
        graph.add_node(key, seconds=float(draw(st.integers(0, 9))))
    for key in range(1, size):
        graph.add_edges_from((key, other) for other in draw(st.sets(st.integers(0, key - 1))))
    return graph


def test_critical_path_by_hand():
    found = analysis.tasks.critical_path(project(CPM), "seconds")
    assert found.path == ("a", "c", "f", "g")
    assert found.seconds == 19
    assert {key for key, it in found.tasks.items() if it.is_critical} == set("acfg")
    times = {
        key: (it.earliest_start, it.earliest_finish, it.latest_start, it.latest_finish)
        for key, it in found.tasks.items()
    }
    assert times["b"] == (0, 4, 3, 7)
    assert times["d"] == (4, 6, 7, 9)
    assert times["e"] == (4, 9, 11, 16)
    assert times["g"] == (16, 19, 16, 19)
    assert [found.tasks[key].total_slack for key in "bde"] == [3, 3, 7]
    assert [found.tasks[key].free_slack for key in "bde"] == [0, 3, 7]


@given(dags())
def test_critical_path_agrees_with_networkx(graph):
    found = analysis.tasks.critical_path(graph, "seconds")
    weighted = nx.DiGraph()
    for key, one in graph.nodes(data=True):
        weighted.add_edge((key, "start"), (key, "end"), weight=one["seconds"])
        for other in graph[key]:
            weighted.add_edge((other, "end"), (key, "start"), weight=0)
    assert found.seconds == nx.dag_longest_path_length(weighted)
    assert sum(graph.nodes[key]["seconds"] for key in found.path) == found.seconds
    assert all(graph.has_edge(b, a) for a, b in pairwise(found.path))
    assert all(found.tasks[key].total_slack == 0 for key in found.path)


@given(dags(), st.data())
def test_slack_is_how_much_longer_a_task_may_take(graph, data):
    if not len(graph):
        return
    found = analysis.tasks.critical_path(graph, "seconds")
    key = data.draw(st.sampled_from(sorted(graph)))
    for extra, late in ((found.tasks[key].total_slack, 0), (found.tasks[key].total_slack + 1, 1)):
        longer = graph.copy()
        longer.nodes[key]["seconds"] += extra
        assert analysis.tasks.critical_path(longer, "seconds").seconds == found.seconds + late
    longer = graph.copy()
    longer.nodes[key]["seconds"] += found.tasks[key].free_slack
    after = analysis.tasks.critical_path(longer, "seconds").tasks
    others = [it for it in graph if it != key]
    assert all(after[it].earliest_start == found.tasks[it].earliest_start for it in others)


@given(dags())
def test_levels_agree_with_networkx(graph):
    wanted = [sorted(level, key=str) for level in nx.topological_generations(graph.reverse())]
    assert analysis.tasks.levels(graph) == wanted


def test_one_task_and_what_it_depends_on_or_a_list():
    graph = project(CPM)
    assert analysis.tasks.levels(graph, tasks="f") == [["a", "b"], ["c", "d"], ["f"]]
    assert analysis.tasks.levels(graph, tasks=["a", "f", "g"]) == [["a", "f"], ["g"]]
    assert analysis.tasks.critical_path(graph, "seconds", tasks="f").seconds == 16
    with pytest.raises(TaskNotFoundError, match="'z'"):
        analysis.tasks.levels(graph, tasks="z")
    graph.nodes["a"]["status"] = "completed"
    assert analysis.tasks.critical_path(graph, "seconds", remaining=True).seconds == 16


def test_nothing_and_one():
    empty = nx.DiGraph()
    assert analysis.tasks.levels(empty) == []
    assert analysis.tasks.critical_path(empty).path == ()
    assert analysis.tasks.parallelism(empty).peak == 0
    assert analysis.tasks.parallelism(empty).speedup == 0
    assert analysis.tasks.find_cycles(empty) == []
    plan = analysis.tasks.earliest_finish(empty, {"x": []})
    assert (plan.makespan, plan.tasks, plan.bounds, plan.bottleneck) == (0, [], [], None)


def test_nodes_may_be_anything_hashable():
    graph = nx.DiGraph()
    graph.add_edge((1, 2), frozenset("x"))
    graph.add_edge(frozenset("x"), 3.5)
    assert analysis.tasks.critical_path(graph, {3.5: 4}).path == (3.5, frozenset("x"), (1, 2))
    assert analysis.tasks.blast_radius(graph, 3.5).affected == [frozenset("x"), (1, 2)]
    assert analysis.tasks.why_blocked(graph, (1, 2)).roots == [3.5]


def test_no_recursion_and_no_change_of_the_graph():
    length = 10 * sys.getrecursionlimit()
    last, chain = length - 1, nx.path_graph(length, nx.DiGraph)
    assert analysis.tasks.critical_path(chain, lambda key: 2).seconds == 2 * length
    assert len(analysis.tasks.levels(chain)) == length
    assert analysis.tasks.why_blocked(chain, 0).roots == [last]
    assert len(analysis.tasks.blast_radius(chain, last).waits) == last
    assert len(analysis.tasks.would_cycle(chain, last, 0)) == length + 1
    assert analysis.tasks.earliest_finish(chain, {"x": []}, lambda key: 2).makespan == 2 * length
    chain.add_edge(last, 0)
    assert len(analysis.tasks.find_cycles(chain)[0]) == length + 1
    with pytest.raises(ValidationError, match=r"cycle: .* -> … -> "):
        analysis.tasks.levels(chain)
    assert not any(one for _, one in chain.nodes(data=True))


@pytest.mark.parametrize(
    "ask",
    [
        analysis.tasks.levels,
        analysis.tasks.critical_path,
        analysis.tasks.parallelism,
        analysis.tasks.find_cycles,
    ],
)
@pytest.mark.parametrize("graph", [nx.karate_club_graph(), {"a": ["b"]}, None])
def test_what_can_hold_no_tasks(ask, graph):
    with pytest.raises(ValidationError):
        ask(graph)


def test_graph_of_agents_holds_no_tasks():
    with pytest.raises(ValidationError, match="no tasks"):
        analysis.tasks.levels(nx.DiGraph(kind="agents-skills"))


def test_labels_and_types_of_others_are_their_own():
    graph = nx.DiGraph()
    graph.add_node("a", label="Anna")
    graph.add_edge("b", "a", type="friend")
    assert analysis.tasks.levels(graph) == [["a"], ["b"]]
    graph.nodes["b"]["label"] = "Task"
    assert analysis.tasks.levels(graph) == [["b"]]


def test_durations_by_estimate_measure_and_mean():
    graph = nx.DiGraph()
    graph.add_node("a", task_type="x", status="completed", execution_duration_ms=3000.0)
    graph.add_node("b", task_type="x", metadata={"estimated_seconds": 10})
    graph.add_node("c", task_type="x", metadata=["no estimate"])
    graph.add_node("d", task_type="y")
    graph.add_node("e", task_type="x", status="failed", execution_duration_ms=100_000.0)

    def took(duration):
        return {
            key: it.seconds
            for key, it in analysis.tasks.critical_path(graph, duration).tasks.items()
        }

    assert took("estimated") == {"a": 3, "b": 10, "c": 3, "d": 1, "e": 3}
    assert took("measured") == {"a": 3, "b": 10, "c": 3, "d": 1, "e": 100}
    assert took({"d": 7}) == {"a": 3, "b": 3, "c": 3, "d": 7, "e": 3}
    assert took({"d": 7, "x": 2}) == {"a": 2, "b": 2, "c": 2, "d": 7, "e": 2}
    assert set(took(4).values()) == {4}
    assert took("execution_duration_ms")["a"] == 3
    assert took(lambda key: 5 if key == "d" else None)["d"] == 5


@pytest.mark.parametrize("bad", [-1, "1", True, float("nan"), float("inf"), 10**400, [1], 1j])
def test_what_is_no_duration(bad):
    graph = nx.DiGraph()
    graph.add_node("a", seconds=bad, metadata={"estimated_seconds": bad})
    for duration in ("seconds", "estimated", {"a": bad}, lambda _: bad):
        with pytest.raises(ValidationError, match="'a'"):
            analysis.tasks.critical_path(graph, duration)


@pytest.mark.parametrize("bad", ["secnods", {"z": 1}, {}, [5], True, None])
def test_duration_that_nothing_has(bad):
    with pytest.raises(ValidationError, match="duration"):
        analysis.tasks.critical_path(project(CPM), bad)


def test_parallelism_by_hand():
    found = analysis.tasks.parallelism(project(CPM), "seconds")
    # a+b, c+b, c+d+e, c+e, f after 9; g at 16
    assert found.times == [0, 4, 6, 9, 19]
    assert found.counts == [2, 3, 2, 1, 0]
    assert (found.peak, found.work, found.span) == (3, 30, 19)
    assert found.mean == pytest.approx(30 / 19) == pytest.approx(found.speedup)


@given(dags())
def test_parallelism_counts_all_work(graph):
    found = analysis.tasks.parallelism(graph, "seconds")
    assert found.mean * found.span == pytest.approx(found.work)
    assert found.counts[-1:] in ([], [0])
    assert max(found.counts, default=0) == found.peak <= len(graph)


def test_grahams_own_example_is_within_the_bound():
    """Graham (1969): nine tasks on three machines; the best takes 12."""
    rows = {"1": (3, ""), "2": (2, ""), "3": (2, ""), "4": (2, ""), "9": (9, "1")}
    rows |= dict.fromkeys("5678", (4, "4"))
    plan = analysis.tasks.earliest_finish(project(rows), {"x": [], "y": [], "z": []}, "seconds")
    assert plan.makespan == 12
    assert plan.guarantee == pytest.approx(5 / 3)
    assert plan.bounds[0][:2] == (12, "span")


SKILLS = "pqr"
CREWS = st.dictionaries(
    st.sampled_from("uvwxyz"), st.tuples(st.sets(st.sampled_from(SKILLS)), st.integers(0, 3))
)


@given(dags(), CREWS, st.data())
def test_schedule_is_valid_and_within_its_bounds(graph, crew, data):
    for key in graph:
        graph.nodes[key]["requirements"] = sorted(data.draw(st.sets(st.sampled_from(SKILLS))))
        graph.nodes[key]["excluded_agents"] = sorted(data.draw(st.sets(st.sampled_from("uv"))))
    agents = [AgentSlots(key, frozenset(skills), slots) for key, (skills, slots) in crew.items()]
    plan = analysis.tasks.earliest_finish(graph, agents, "seconds")
    at = {it.task_id: it for it in plan.tasks}
    assert sorted([*at, *plan.unassignable, *plan.held_up]) == sorted(graph)
    by_id = {it.agent_id: it for it in agents}

    def can(agent, one):
        return (
            agent.slots
            and set(one["requirements"]) <= agent.skills
            and (agent.agent_id not in one["excluded_agents"])
        )

    for key, it in at.items():
        assert can(by_id[it.agent_id], graph.nodes[key])
        assert it.end - it.start == graph.nodes[key]["seconds"]
        assert all(at[other].end <= it.start for other in graph[key])
    for agent in agents:
        for moment in {it.start for it in plan.tasks}:
            busy = [
                it
                for it in plan.tasks
                if it.agent_id == agent.agent_id and it.start <= moment < it.end
            ]
            assert len(busy) <= agent.slots
    for key in plan.unassignable:
        assert not any(can(agent, graph.nodes[key]) for agent in agents)
    for key in plan.held_up:
        assert nx.descendants(graph, key) & plan.unassignable.keys()
    assert plan.lower_bound <= plan.makespan + 1e-9
    if plan.guarantee is not None and plan.tasks:
        slots = sum(it.slots for it in agents)
        span = max(bound.seconds for bound in plan.bounds if bound.kind == "span")
        work = sum(graph.nodes[key]["seconds"] for key in at)
        assert plan.makespan <= work / slots + span * (1 - 1 / slots) + 1e-9


def test_bottleneck_skill_and_who_cannot_be_served():
    graph = nx.DiGraph()
    for at in range(4):
        graph.add_node(f"g{at}", requirements=["GPU"])
    graph.add_node("free")
    graph.add_node("odd", requirements=["cobol", "gpu"])
    graph.add_edge("after", "odd")
    agents = {"a": ["gpu"], "b": {"capabilities": ["x"], "max_concurrent_tasks": 3}}
    plan = analysis.tasks.earliest_finish(graph, agents, lambda key: 2)
    assert plan.makespan == 8
    assert plan.bottleneck == (8, "skills", ("gpu",))
    assert plan.bottleneck_skill == "gpu"
    assert plan.unassignable == {"odd": ["cobol"]}
    assert plan.held_up == ["after"]
    nobody = analysis.tasks.earliest_finish(graph, [], lambda key: 2)
    assert nobody.tasks == []
    assert len(nobody.unassignable) + len(nobody.held_up) == len(graph)


@pytest.mark.parametrize(
    "agents", [5, "ab", [3], {"a": "python"}, {"a": 3}, [AgentSlots("a", frozenset(), -1)]]
)
def test_what_are_no_agents(agents):
    with pytest.raises(ValidationError):
        analysis.tasks.earliest_finish(project(CPM), agents, "seconds")


def test_agents_as_they_are_registered_and_as_in_a_graph():
    agent = Agent(agent_id="a", capabilities=["X"], registered_at=NOW, last_seen_at=NOW)
    graph = project({"1": (1, ""), "2": (1, "")})
    nx.set_node_attributes(graph, ["x"], "requirements")
    assert analysis.tasks.earliest_finish(graph, [agent], "seconds").makespan == 1
    with pytest.raises(ValidationError, match="no agents"):
        analysis.tasks.earliest_finish(graph, duration="seconds")
    graph.graph["kind"] = "all"
    graph.add_node("a", label="Agent", agent_id="a", capabilities=["x"], max_concurrent_tasks=1)
    assert analysis.tasks.earliest_finish(graph, duration="seconds").makespan == 2
    with pytest.raises(ValidationError, match="same id"):
        analysis.tasks.earliest_finish(graph, [agent, agent])


@given(dags(), st.data())
def test_blast_radius_agrees_with_networkx(graph, data):
    if not len(graph):
        return
    key = data.draw(st.sampled_from(sorted(graph)))
    found = analysis.tasks.blast_radius(graph, key, "seconds")
    depths = nx.single_source_shortest_path_length(graph.reverse(), key)
    assert {it: depth for depth, ids in found.by_depth.items() for it in ids} == {
        it: depth for it, depth in depths.items() if depth
    }
    assert set(found.affected) == nx.ancestors(graph, key) == set(found.waits)
    assert found.seconds == sum(graph.nodes[it]["seconds"] for it in found.affected)


def test_failure_cancels_as_far_as_all_between_ask_for_it():
    graph = nx.DiGraph([("b", "a"), ("c", "b"), ("d", "b"), ("e", "d"), ("f", "a"), ("g", "f")])
    for key in "bcef":
        graph.nodes[key]["on_dependency_failure"] = "cancel"
    nx.set_node_attributes(graph, "pending", "status")
    found = analysis.tasks.blast_radius(graph, "a")
    assert found.cancelled == ["b", "f", "c"]
    assert found.waits == ["d", "g", "e"]
    assert found.by_depth == {1: ["b", "f"], 2: ["c", "d", "g"], 3: ["e"]}
    graph.nodes["b"]["status"] = "cancelled"
    assert analysis.tasks.blast_radius(graph, "a").affected == ["f", "g"]
    with pytest.raises(TaskNotFoundError):
        analysis.tasks.blast_radius(graph, "z")
    with pytest.raises(ValidationError):
        analysis.tasks.blast_radius(graph, ["unhashable"])


def crewed() -> nx.MultiDiGraph:
    """Two agents, and tasks that one of them, both, or neither can do."""
    graph = nx.MultiDiGraph(kind="all", taken_at=NOW)
    for agent_id, skills in (("ada", ["Py", "sql"]), ("bob", ["py"])):
        graph.add_node(
            agent_id,
            label="Agent",
            agent_id=agent_id,
            capabilities=skills,
            max_concurrent_tasks=1,
            active_tasks=0,
        )
    for key, skills in (("p", ["py"]), ("s", ["SQL"]), ("z", ["zig", "py"]), ("free", [])):
        graph.add_node(key, label="Task", task_id=key, status="pending", requirements=skills)
    return graph


def test_what_slips_where_an_agent_goes():
    graph = crewed()
    graph.add_node(
        "t", label="Task", status="pending", requirements=["py"], excluded_agents=["bob"]
    )
    graph.add_node("u", label="Task", status="pending")
    graph.add_edge("u", "p", "DEPENDS_ON", type="DEPENDS_ON")
    graph.nodes["p"].update(status="running", assigned_to="ada")
    found = analysis.tasks.agent_blast_radius(graph, "ada", lambda key: 2)
    assert (found.held, found.only_it, found.by_depth) == (["p"], ["s", "t"], {1: ["u"]})
    assert found.seconds == 8
    assert found.affected == ["p", "s", "t", "u"]
    assert analysis.tasks.agent_blast_radius(graph, "bob").affected == []
    with pytest.raises(AgentNotFoundError):
        analysis.tasks.agent_blast_radius(graph, "eve")
    with pytest.raises(ValidationError, match="no agents"):
        analysis.tasks.agent_blast_radius(project(CPM), "ada")


def test_cycles_are_named():
    graph = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a"), ("b", "a"), ("d", "d"), ("d", "a")])
    assert analysis.tasks.find_cycles(graph) == [["a", "b", "a"], ["d", "d"]]
    chain = nx.DiGraph([("a", "b"), ("b", "c")])
    assert analysis.tasks.would_cycle(chain, "c", "a") == ["c", "a", "b", "c"]
    assert analysis.tasks.would_cycle(chain, "a", "c") == []
    assert analysis.tasks.would_cycle(chain, "new", "a") == []
    assert analysis.tasks.would_cycle(chain, "a", "a") == ["a", "a"]


def test_dependencies_are_checked_before_they_are_written():
    assert analysis.tasks.check_dependencies({"b": ["a"], "c": {"b", "a"}}) == ["a", "b", "c"]
    assert analysis.tasks.check_dependencies([("b", "a"), ("c", "b")]) == ["a", "b", "c"]
    with pytest.raises(DependencyCycleError, match="a -> b -> a") as caught:
        analysis.tasks.check_dependencies({"a": ["b"], "b": ["a", "c"]})
    assert caught.value.cycle == ("a", "b", "a")
    with pytest.raises(DependencyCycleError, match="a -> a"):
        analysis.tasks.check_dependencies([("a", "a")])
    for bad in ({"a": "bc"}, ["ab"], [("a",)], 5, {"a": [[1]]}, {"a": 1}):
        with pytest.raises(ValidationError):
            analysis.tasks.check_dependencies(bad)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_cycles_agree_with_networkx(edges):
    graph = nx.DiGraph(edges)
    knots = [
        knot
        for knot in nx.strongly_connected_components(graph)
        if len(knot) > 1 or graph.has_edge(*list(knot) * 2)
    ]
    found = analysis.tasks.find_cycles(graph)
    assert sorted(map(sorted, knots)) == sorted(
        sorted(knot) for cycle in found for knot in knots if set(cycle) <= knot
    )
    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert all(graph.has_edge(*pair) for pair in pairwise(cycle))
    if knots:
        with pytest.raises(ValidationError, match="cycle"):
            analysis.tasks.critical_path(graph)
        with pytest.raises(DependencyCycleError):
            analysis.tasks.check_dependencies(edges)


def kinds(graph, key, **given):
    return [it.kind for it in analysis.tasks.why_blocked(graph, key, **given).reasons]


def test_why_a_task_waits_for_agents():
    graph = crewed()
    assert kinds(graph, "p") == [WaitKind.READY]
    assert not analysis.tasks.why_blocked(graph, "p").is_waiting
    found = analysis.tasks.why_blocked(graph, "z")
    assert found.is_waiting
    assert [(it.kind, it.skills) for it in found.reasons] == [(WaitKind.MISSING_SKILL, ["zig"])]
    graph.nodes["ada"]["capabilities"] = ["sql"]
    graph.nodes["z"]["requirements"] = ["SQL", "py"]
    assert kinds(graph, "z") == [WaitKind.NO_CAPABLE_AGENT]
    graph.nodes["bob"]["active_tasks"] = 1
    found = analysis.tasks.why_blocked(graph, "p")
    assert [(it.kind, it.agents) for it in found.reasons] == [(WaitKind.AGENTS_FULL, ["bob"])]
    graph.nodes["p"]["excluded_agents"] = ["bob"]
    assert kinds(graph, "p") == [WaitKind.AGENTS_EXCLUDED]
    graph.remove_nodes_from(["ada", "bob"])
    assert kinds(graph, "free") == [WaitKind.NO_CAPABLE_AGENT]


def test_why_a_task_waits_for_time_and_limits():
    graph = crewed()
    one = graph.nodes["p"]
    one["available_at"] = NOW + timedelta(seconds=1)
    assert kinds(graph, "p") == [WaitKind.NOT_DUE]
    assert kinds(graph, "p", now=one["available_at"]) == [WaitKind.READY]
    one.update(retry_count=1, attempt=1)
    assert kinds(graph, "p") == [WaitKind.RETRY_DELAY]
    one.update(available_at=NOW, created_at=NOW, schedule_to_close_seconds=5.0)
    assert kinds(graph, "p", now=NOW + timedelta(seconds=5)) == [WaitKind.DEADLINE_PASSED]
    assert kinds(graph, "p", now=NOW + timedelta(seconds=4)) == [WaitKind.READY]
    one["concurrency_key"] = "k"
    assert kinds(graph, "p") == [WaitKind.UNKNOWN]
    graph.nodes["s"].update(status="running", assigned_to="x", concurrency_key="k")
    assert kinds(graph, "p", limits={}) == [WaitKind.CONCURRENCY_LIMIT]
    assert kinds(graph, "p", limits={"k": 2}) == [WaitKind.READY]


def test_why_a_task_waits_for_others():
    graph = crewed()
    for key, other in (("p", "s"), ("p", "free"), ("s", "z"), ("free", "done"), ("free", "dead")):
        graph.add_edge(key, other, "DEPENDS_ON", type="DEPENDS_ON")
    graph.nodes["done"].update(label="Task", status="completed")
    graph.nodes["dead"].update(label="Task", status="failed", error_message="boom")
    found = analysis.tasks.why_blocked(graph, "p")
    told = [(it.kind, it.task_id, it.status) for it in found.reasons]
    assert told == [
        (WaitKind.DEPENDENCY, "dead", "failed"),
        (WaitKind.DEPENDENCY, "z", "pending"),
        (WaitKind.MISSING_SKILL, "z", None),
    ]
    assert "boom" in found.reasons[0].sentence
    assert analysis.tasks.why_blocked(graph, "p", limit=1).root_count == 2
    assert analysis.tasks.why_blocked(graph, "p", limit=1).roots == ["dead"]
    graph.nodes["z"].update(status="running", assigned_to="bob")
    found = analysis.tasks.why_blocked(graph, "s").reasons
    assert [(it.kind, it.agents) for it in found] == [(WaitKind.DEPENDENCY, ["bob"])]
    assert kinds(graph, "z") == [WaitKind.NOT_PENDING]
    assert not analysis.tasks.why_blocked(graph, "z").is_waiting


def test_what_would_keep_a_blocked_task_back_comes_last():
    graph = crewed()
    graph.add_edge("z", "p", "DEPENDS_ON", type="DEPENDS_ON")
    assert kinds(graph, "z") == [WaitKind.DEPENDENCY, WaitKind.MISSING_SKILL]


def test_a_snapshot_without_agents_says_so():
    graph = nx.DiGraph(kind="tasks", taken_at=NOW)
    graph.add_node("a", label="Task", status="pending", unmet=0)
    graph.add_node("b", label="Task", status="pending", unmet=2)
    assert kinds(graph, "a") == [WaitKind.UNKNOWN]
    assert kinds(graph, "b") == [WaitKind.MISCOUNTED]
    graph.add_edge("b", "a")
    assert kinds(graph, "b") == [WaitKind.DEPENDENCY, WaitKind.UNKNOWN]
    graph.add_edge("a", "b")
    found = analysis.tasks.why_blocked(graph, "a").reasons
    assert [(it.kind, it.cycle) for it in found] == [(WaitKind.CYCLE, ["a", "b", "a"])]
    graph.nodes["a"]["status"] = "odd"
    with pytest.raises(ValidationError, match="'odd'"):
        analysis.tasks.why_blocked(graph, "a")
    graph.nodes["a"]["status"] = "pending"
    with pytest.raises(TaskNotFoundError):
        analysis.tasks.why_blocked(graph, "z")
    with pytest.raises(ValidationError):
        analysis.tasks.why_blocked("no graph", "z")


def test_ladder_of_diamonds_and_a_fan():
    """A ladder has 2**1000 ways down."""
    ladder = nx.DiGraph()
    for at in range(1000):
        ladder.add_edges_from(((at, s), (at + 1, e)) for s in "x" for e in "lr")
        ladder.add_edges_from(((at + 1, s), (at + 1, "x")) for s in "lr")
    assert analysis.tasks.why_blocked(ladder, (0, "x")).roots == [(1000, "x")]
    assert len(analysis.tasks.blast_radius(ladder, (1000, "x")).affected) == 3000
    fan = nx.DiGraph((-1, key) for key in range(10_000))
    found = analysis.tasks.why_blocked(fan, -1)
    assert (found.root_count, len(found.roots)) == (10_000, 100)


def test_results_do_not_depend_on_the_order_in_which_a_graph_was_built():
    rng = random.Random(7)
    nodes = list(range(40))
    edges = [(b, a) for a in nodes for b in nodes[a + 1 :] if rng.random() < 0.1]
    seen = []
    for _ in range(3):
        rng.shuffle(nodes)
        rng.shuffle(edges)
        graph = nx.DiGraph()
        graph.add_nodes_from(nodes)
        graph.add_edges_from(edges)
        plan = analysis.tasks.earliest_finish(graph, {"a": [], "b": []}, lambda key: 1)
        seen.append((analysis.tasks.critical_path(graph).path, plan.tasks))
    assert seen[0] == seen[1] == seen[2]
