"""Templates mined from finished workflows: whole ones, chains, fans, joins; and new tasks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import permutations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_orch.analysis.templates import mine_templates
from graph_orch.analysis.templates.shapes import Shapes
from graph_orch.domain.lifecycle import TaskPriority
from graph_orch.errors import AnalysisError, ValidationError

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def add(graph: nx.DiGraph, node: object, kind: str, *needs: object, **fields: object) -> None:
    """A completed task, which waits for others."""
    graph.add_node(node, **{"label": "Task", "task_type": kind, "status": "completed"} | fields)
    graph.add_edges_from(((node, other) for other in needs), type="DEPENDS_ON")


def split(graph: nx.DiGraph, name: str, width: int, **fields: object) -> None:
    """split -> work xN -> join; second by second."""
    add(graph, f"{name}s", "split", started_at=at(0), completed_at=at(1), **fields)
    works = [f"{name}w{i}" for i in range(width)]
    for i, work in enumerate(works):
        add(graph, work, "work", f"{name}s", started_at=at(1 + i), completed_at=at(2 + i))
    add(graph, f"{name}j", "join", *works, started_at=at(width + 1), completed_at=at(width + 3))


def random_tasks(size: int, degree: float, kinds: int, seed: int = 1) -> nx.DiGraph:
    random = np.random.default_rng(seed)
    graph = nx.DiGraph()
    for i in range(size):
        add(graph, i, f"k{random.integers(kinds)}", started_at=at(i), completed_at=at(i + 1))
        count = min(i, random.poisson(degree))
        graph.add_edges_from((i, int(j)) for j in random.choice(i, count, replace=False) if i)
    return graph


def paths(graph: nx.DiGraph, length: int) -> list[tuple[object, ...]]:
    """Every path of so many tasks, in the order in which they run."""
    found: list[tuple[object, ...]] = [(node,) for node in graph]
    for _ in range(length - 1):
        found = [(other, *path) for path in found for other in graph.successors(path[0])]
    return found


DAGS = st.integers(2, 9).flatmap(
    lambda size: st.tuples(
        st.lists(st.sampled_from("abc"), min_size=size, max_size=size),
        st.sets(
            st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(
                lambda edge: edge[0] > edge[1]
            )
        ),
    )
)


def made(drawn: tuple[list[str], set[tuple[int, int]]]) -> nx.DiGraph:
    kinds, edges = drawn
    graph = nx.DiGraph()
    for node, kind in enumerate(kinds):
        status = "failed" if kind == "c" and node % 2 else "completed"
        times = {"started_at": at(node), "completed_at": at(2 * node + 1)}
        add(graph, node, kind, status=status, **times)
    graph.add_edges_from(edges)
    return graph


@given(DAGS)
def test_chains_are_all_paths(drawn):
    graph = made(drawn)
    part_of = {
        node: i for i, part in enumerate(nx.weakly_connected_components(graph)) for node in part
    }
    by_types: dict[tuple[str, ...], list[tuple[object, ...]]] = {}
    for length in (2, 3, 4):
        for path in paths(graph, length):
            kinds = tuple(graph.nodes[node]["task_type"] for node in path)
            by_types.setdefault(kinds, []).append(path)
    found = mine_templates(graph, min_support=1, max_length=4)
    assert {tuple(step.task_type for step in it.steps) for it in found.chains} == set(by_types)
    for it in found.chains:
        those = by_types[tuple(step.task_type for step in it.steps)]
        good = [all(graph.nodes[node]["status"] == "completed" for node in path) for path in those]
        spans = [2 * path[-1] + 1 - path[0] for path in those]
        assert it.occurrences == len(those) == it.seconds.n
        assert it.workflows == len({part_of[path[0]] for path in those})
        assert it.success == pytest.approx(np.mean(good))
        assert it.seconds.p50 == pytest.approx(np.percentile(spans, 50))
        assert it.seconds.p90 == pytest.approx(np.percentile(spans, 90))


@given(DAGS)
def test_fans_and_joins_are_all_of_them(drawn):
    graph = made(drawn)
    found = mine_templates(graph, min_support=1)
    for templates, around, hub in (
        (found.fans, graph.predecessors, 0),
        (found.joins, graph.successors, 1),
    ):
        sizes: dict[tuple[str, str], Counter[int]] = {}
        for node, kind in graph.nodes(data="task_type"):
            for other, count in Counter(
                graph.nodes[it]["task_type"] for it in around(node)
            ).items():
                if count > 1:
                    sizes.setdefault((kind, other), Counter())[count] += 1
        assert {
            (it.steps[hub].task_type, it.steps[1 - hub].task_type): dict(it.sizes)
            for it in templates
        } == sizes


@given(DAGS, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_what_is_isomorphic_is_one_template(drawn, random):
    graph = made(drawn)
    names = [f"x{i}" for i in range(len(graph))]
    random.shuffle(names)
    twin = nx.relabel_nodes(graph, dict(zip(graph, names, strict=True)))
    both = nx.compose(graph, twin)
    parts = [both.subgraph(part) for part in nx.weakly_connected_components(both)]
    groups: list[list[nx.DiGraph]] = []
    for part in parts:
        same = next((it for it in groups if alike(it[0], part)), None)
        groups.append([part]) if same is None else same.append(part)
    found = mine_templates(both, min_support=1).workflows
    assert sorted(it.occurrences for it in found) == sorted(map(len, groups))
    assert sorted(len(it.steps) for it in found) == sorted(len(it[0]) for it in groups)


def alike(one: nx.DiGraph, other: nx.DiGraph) -> bool:
    return nx.is_isomorphic(one, other, lambda a, b: a["task_type"] == b["task_type"])


def test_equal_hashes_do_not_merge_what_is_different():
    # Two rings of three and one of six, as bipartite orders: no colouring tells them apart.
    def rings(*sizes: int) -> list[list[int]]:
        waits: list[list[int]] = []
        for size in sizes:
            first = len(waits)
            waits += [[] for _ in range(size)]
            waits += [[first + i, first + (i + 1) % size] for i in range(size)]
        return [*waits, [*range(len(waits))]]  # and one that waits for all, to join the parts

    one, other = rings(6), rings(3, 3)
    moved = [[it + len(one) for it in waits] for waits in other]
    shapes = Shapes(["a"] * (len(one) + len(other)), [*one, *moved])
    first, second = list(range(len(one))), list(range(len(one), len(one) + len(other)))
    assert shapes.digest(first) == shapes.digest(second)
    assert shapes.match(first, second) is None
    image = shapes.match(first, first[::-1])
    assert image is not None
    assert sorted(image.values()) == first


def test_a_match_maps_edges_onto_edges():
    for seed in range(5):
        graph = random_tasks(60, 1.5, 2, seed)
        waits = [sorted(graph.successors(node)) for node in range(60)]
        kinds = [graph.nodes[node]["task_type"] for node in range(60)]
        shapes = Shapes(kinds * 2, [*waits, *([it + 60 for it in row] for row in waits)])
        image = shapes.match(range(60), range(60, 120)[::-1])
        assert image is not None
        assert all(image[b] in shapes.waits[image[a]] for a in range(60) for b in waits[a])


def test_split_and_join_by_hand():
    graph = nx.DiGraph()
    split(graph, "a", 3)
    split(graph, "b", 3)
    split(graph, "c", 5)
    found = mine_templates(graph)
    assert (found.instances, found.in_progress, found.is_cut) == (3, 0, False)
    (whole,) = found.workflows
    assert (whole.workflows, len(whole.steps), whole.success, whole.first_try) == (2, 5, 1, 1)
    assert (whole.seconds.p50, whole.seconds.p90) == (6, 6)
    (fan,) = found.fans
    assert (fan.name, fan.sizes, fan.width) == ("split -> work xN", ((3, 2), (5, 1)), 3)
    assert (fan.workflows, fan.occurrences, fan.seconds.max) == (3, 3, 6)
    (join,) = found.joins
    assert (join.name, join.seconds.max) == ("work xN -> join", 7)
    chain = found.chains[0]
    assert (chain.name, chain.occurrences) == ("split -> work -> join", 11)
    assert (chain.seconds.p50, chain.seconds.max) == (6, 8)
    frame = found.to_frame()
    assert len(frame) == len(found.all) == 6
    assert found == mine_templates(nx.DiGraph(reversed_order(graph)))


def reversed_order(graph: nx.DiGraph) -> nx.DiGraph:
    turned = nx.DiGraph()
    turned.add_nodes_from(reversed(list(graph.nodes(data=True))))
    turned.add_edges_from(reversed(list(graph.edges(data=True))))
    return turned


def test_success_at_last_and_at_first_try():
    graph = nx.DiGraph()
    for i, (status, attempt) in enumerate([("completed", 1), ("completed", 3), ("failed", 2)]):
        add(graph, f"a{i}", "a")
        add(graph, f"b{i}", "b", f"a{i}", status=status, attempt=attempt)
    graph.nodes["b0"]["tries"] = [{"attempt": 1, "outcome": "completed"}]
    (whole,) = mine_templates(graph).workflows
    assert (whole.success, whole.first_try) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    (chain,) = mine_templates(graph).chains
    assert (chain.success, chain.first_try) == (whole.success, whole.first_try)
    graph.nodes["b0"]["tries"].insert(0, {"attempt": 0, "outcome": "failed"})
    assert mine_templates(graph).chains[0].first_try == 0


def test_workflows_in_progress_are_left_out():
    graph = nx.DiGraph()
    for i, status in enumerate(["completed", "running", "pending", "assigned"]):
        add(graph, f"a{i}", "a")
        add(graph, f"b{i}", "b", f"a{i}", status=status)
    add(graph, "a4", "a", status="failed")
    add(graph, "b4", "b", "a4", status="pending")
    add(graph, "c4", "c", "b4", status="pending")  # waits for ever
    found = mine_templates(graph, min_support=1)
    assert (found.instances, found.in_progress) == (2, 3)
    chain = next(it for it in found.chains if it.name == "a -> b")
    assert (chain.workflows, chain.success) == (2, 0.5)


def test_requirements_are_the_intersection_and_priority_the_mode():
    graph = nx.DiGraph()
    wanted = [(["Py", "sql"], "high"), (["py"], "low"), (["PY", "go"], "low")]
    for i, (skills, priority) in enumerate(wanted):
        add(graph, f"a{i}", "a", requirements=skills, priority=priority)
        add(graph, f"b{i}", "b", f"a{i}")
    (whole,) = mine_templates(graph).workflows
    first, second = whole.steps
    assert (first.requirements, first.priority) == (("Py",), TaskPriority.LOW)
    assert (second.requirements, second.priority) == ((), TaskPriority.MEDIUM)


def test_instantiate_a_fan():
    graph = nx.DiGraph()
    split(graph, "a", 3, requirements=["x"], priority="high")
    split(graph, "b", 4, requirements=["x"], priority="high")
    found = mine_templates(graph)
    (fan,), (join,) = found.fans, found.joins
    tasks = fan.instantiate({"work": "do it"}, idempotency_prefix="run", max_retries=7)
    assert [it.task_type for it in tasks] == ["split", "work", "work", "work"]
    assert [it.content for it in tasks] == ["split", "do it", "do it", "do it"]
    assert all(it.dependencies == (tasks[0].task_id,) for it in tasks[1:])
    assert (tasks[0].requirements, tasks[0].priority) == (("x",), TaskPriority.HIGH)
    assert [it.idempotency_key for it in tasks] == ["run:0", "run:1", "run:2", "run:3"]
    assert {it.max_retries for it in tasks} == {7}
    assert {it.task_id for it in tasks}.isdisjoint(it.task_id for it in fan.instantiate())
    wide = join.instantiate(["1", "2", "3"], width=2, priority="low", requirements=["y"])
    assert wide[2].dependencies == (wide[0].task_id, wide[1].task_id)
    assert [it.content for it in wide] == ["1", "2", "3"]
    assert {(it.priority, it.requirements) for it in wide} == {(TaskPriority.LOW, ("y",))}


def test_instantiate_a_workflow_keeps_its_shape():
    graph = random_tasks(30, 1.2, 3)
    for template in mine_templates(graph, min_support=1).workflows:
        tasks = template.instantiate("same")
        place = {task.task_id: at for at, task in enumerate(tasks)}
        assert [tuple(place[it] for it in task.dependencies) for task in tasks] == [
            step.after for step in template.steps
        ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"contents": ["one"]}, "1 texts for 4 tasks"),
        ({"contents": {"x": "y"}}, "no task is of type 'x'"),
        ({"contents": [1, 2, 3, 4]}, "content"),
        ({"contents": 5}, "contents"),
        ({"contents": {"work": 5}}, "content"),
        ({"task_id": "x"}, "task_id is the template's own"),
        ({"dependencies": []}, "dependencies is the template's own"),
        ({"colour": "red"}, "colour"),
        ({"priority": "urgent"}, "priority"),
        ({"width": 0}, "width"),
        ({"width": True}, "width"),
        ({"width": 2.5}, "width"),
        ({"width": "3"}, "width"),
        ({"idempotency_prefix": 5}, "idempotency_prefix"),
    ],
)
def test_instantiate_refuses(wrong, message):
    graph = nx.DiGraph()
    split(graph, "a", 3)
    (fan,) = mine_templates(graph, min_support=1).fans
    with pytest.raises(ValidationError, match=message):
        fan.instantiate(**wrong)


def test_only_fans_and_joins_have_a_width():
    graph = nx.DiGraph()
    split(graph, "a", 3)
    (whole,) = mine_templates(graph, min_support=1).workflows
    assert whole.width is None
    with pytest.raises(ValidationError, match="no step that stands for many"):
        whole.instantiate(width=3)


def test_bad_graphs_are_refused():
    ring = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a")], task_type="x")
    nx.set_node_attributes(ring, "x", "task_type")
    with pytest.raises(ValidationError, match="form a cycle: a -> b -> c -> a"):
        mine_templates(ring)
    loop = nx.DiGraph([("a", "a")])
    with pytest.raises(ValidationError, match="form a cycle: a -> a"):
        mine_templates(loop)
    with pytest.raises(AnalysisError, match="undirected"):
        mine_templates(nx.karate_club_graph())
    with pytest.raises(AnalysisError, match="2 has no task_type"):
        mine_templates(nx.DiGraph([(1, 2)]))
    with pytest.raises(ValidationError, match="a NetworkX graph is needed"):
        mine_templates({"a": ["b"]})
    graph = nx.DiGraph()
    add(graph, "t", "x", priority="urgent")
    with pytest.raises(AnalysisError, match="'t': priority"):
        mine_templates(graph)
    for wrong in ({"min_support": 0}, {"max_length": 1}, {"max_length": 99}, {"max_patterns": 0}):
        with pytest.raises(ValidationError):
            mine_templates(nx.DiGraph(), **wrong)


def test_empty_and_foreign_graphs():
    for graph in (nx.DiGraph(), nx.Graph(), nx.MultiDiGraph()):
        assert mine_templates(graph).all == ()
        assert mine_templates(graph).to_frame().empty
    trace = nx.DiGraph([((1, 2), "x"), (3, 4)])
    nx.set_node_attributes(trace, {(1, 2): "b", "x": "a", 3: "b", 4: "a"}, "program")
    (whole,) = mine_templates(trace, task_type="program").workflows
    assert (whole.occurrences, whole.success, whole.seconds.n, whole.seconds.missing) == (
        2,
        1,
        0,
        2,
    )
    assert [step.task_type for step in whole.steps] == ["a", "b"]


def test_other_nodes_and_edges_do_not_count():
    graph = nx.MultiDiGraph(kind="all")
    add(graph, "a", "a")
    add(graph, "b", "b", "a")
    graph.add_node("ada", label="Agent")
    graph.add_edge("a", "ada", key="ASSIGNED_TO:1", type="ASSIGNED_TO", attempt=1)
    graph.add_edge("a", "b", key="OTHER", type="OTHER")
    (chain,) = mine_templates(graph, min_support=1).chains
    assert (chain.name, chain.first_try) == ("a -> b", 0)


def test_spans_that_run_backwards_are_counted_apart():
    graph = nx.DiGraph()
    for i in range(2):
        add(graph, f"a{i}", "a", started_at=at(9))
        add(graph, f"b{i}", "b", f"a{i}", completed_at=at(4 + 10 * i))
    (chain,) = mine_templates(graph).chains
    assert (chain.seconds.n, chain.seconds.negative, chain.seconds.p50) == (1, 1, 5)


def test_many_paths_are_counted_and_not_listed():
    graph = random_tasks(1_000, 10, 2)
    found = mine_templates(graph, min_support=1, max_length=6)
    longest = max(found.chains, key=lambda it: it.occurrences)
    assert longest.occurrences > 1_000_000
    assert len(longest.steps) == 6
    assert longest.is_sampled


def test_many_types_are_cut():
    graph = random_tasks(2_000, 5, 2_000)
    found = mine_templates(graph, min_support=1, max_patterns=50)
    assert found.is_cut
    assert Counter(len(it.steps) for it in found.chains)[2] == 50


@pytest.mark.parametrize("width", [2_500])
def test_wide_workflows_are_matched(width):
    graph = nx.DiGraph()
    for name in "ab":
        split(graph, name, width)
        for i in range(width):
            add(graph, f"{name}x{i}", "extra", f"{name}w{i}")
    (whole,) = mine_templates(graph).workflows
    assert (whole.occurrences, len(whole.steps)) == (2, 2 * width + 2)


def test_rank_of_equal_templates_does_not_depend_on_order():
    graph = nx.DiGraph()
    for kinds in permutations("abc", 2):
        for i in range(2):
            add(graph, f"{kinds}{i}0", kinds[0])
            add(graph, f"{kinds}{i}1", kinds[1], f"{kinds}{i}0")
    assert mine_templates(graph) == mine_templates(reversed_order(graph))
    assert [it.name for it in mine_templates(graph).chains] == sorted(
        " -> ".join(kinds) for kinds in permutations("abc", 2)
    )
