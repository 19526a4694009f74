"""Agents and their skills: coverage, bus factor, likeness, projections, centrality."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networkx.algorithms import bipartite

from graph_orch.analysis import AgentSkills
from graph_orch.analysis.skills import (
    bus_factor,
    centrality,
    coverage,
    nearest,
    project,
    redundancy,
)
from graph_orch.errors import AnalysisError, ValidationError

DAVIS = nx.davis_southern_women_graph()
WOMEN = {node for node, side in DAVIS.nodes(data="bipartite") if side == 0}
# Borgatti & Halgin (2011), Analyzing Affiliation Networks, rounded to two digits there.
DAVIS_DEGREE = {"E8": 0.78, "E9": 0.67, "E7": 0.56, "E1": 0.17, "Nora Fayette": 0.57}
DAVIS_DEGREE |= {"Evelyn Jefferson": 0.57, "Sylvia Avondale": 0.50, "Flora Price": 0.14}
DAVIS_BETWEEN = {"E8": 0.24, "E9": 0.23, "E7": 0.13, "E6": 0.07, "Nora Fayette": 0.11}
DAVIS_BETWEEN |= {"Evelyn Jefferson": 0.10, "Theresa Anderson": 0.09, "Dorothy Murchison": 0.0}

HELD = st.lists(st.frozensets(st.integers(0, 6), max_size=7), min_size=1, max_size=8)


def crew(**skills: str) -> nx.DiGraph:
    """Agents with skills, as a snapshot has them: crew(ada="a b", bob="b")."""
    graph = nx.DiGraph(kind="agents-skills")
    for agent, names in skills.items():
        graph.add_node(agent, label="Agent", bipartite=0, max_concurrent_tasks=5, active_tasks=2)
        for name in names.split():
            graph.add_node(f"skill:{name}", label="Skill", bipartite=1, key=name)
            graph.add_edge(agent, f"skill:{name}", type="HAS_SKILL", confidence=1.0)
    return graph


def tasks(*required: str, status: str = "pending") -> nx.DiGraph:
    graph = nx.DiGraph(kind="tasks")
    for i, names in enumerate(required):
        graph.add_node(f"t{i}", label="Task", status=status, requirements=names.split())
    return graph


def of(held: list[frozenset[int]]) -> nx.Graph:
    """A bipartite graph: agent i (an int) has the skills "s<j>"."""
    graph = nx.Graph()
    graph.add_nodes_from(range(len(held)), bipartite=0)
    graph.add_nodes_from((f"s{j}" for j in range(7)), bipartite=1)
    graph.add_edges_from((i, f"s{j}") for i, skills in enumerate(held) for j in skills)
    return graph


def same_edges(ours: nx.Graph, theirs: nx.Graph, weight: float = 1.0) -> None:
    mine = {frozenset((u, v)): w for u, v, w in ours.edges(data="weight")}
    other = {frozenset((u, v)): w for u, v, w in theirs.edges(data="weight") if w}
    assert mine == pytest.approx(other)
    assert set(ours) == set(theirs)


def test_davis_centralities_are_the_published_ones():
    degree, between = centrality(DAVIS), centrality(DAVIS, "betweenness")
    assert {it: degree[it] for it in DAVIS_DEGREE} == pytest.approx(DAVIS_DEGREE, abs=0.006)
    assert {it: between[it] for it in DAVIS_BETWEEN} == pytest.approx(DAVIS_BETWEEN, abs=0.006)


def test_davis_co_attendance_is_the_published_one():
    # Breiger (1974), The duality of persons and groups: the women's matrix.
    women = project(DAVIS)
    shared = [("Evelyn Jefferson", "Laura Mandeville", 6), ("Evelyn Jefferson", "Flora Price", 1)]
    shared += [("Theresa Anderson", "Evelyn Jefferson", 7), ("Olivia Carleton", "Flora Price", 2)]
    assert all(women[one][other]["weight"] == count for one, other, count in shared)
    assert not women.has_edge("Laura Mandeville", "Flora Price")


def test_karate_club_is_measured_as_published():
    # Freeman's betweenness of Zachary's instructor (0) and administrator (33).
    club = nx.karate_club_graph()
    found = centrality(club, "betweenness")
    assert found[0] == pytest.approx(0.437635, abs=1e-6)
    assert found[33] == pytest.approx(0.304075, abs=1e-6)
    assert centrality(club) == pytest.approx(nx.degree_centrality(club))
    assert centrality(club, "eigenvector") == pytest.approx(
        nx.eigenvector_centrality(club, max_iter=1_000, tol=1e-12), abs=1e-8
    )
    unweighted = nx.Graph(club.edges())
    assert centrality(club, "pagerank") == pytest.approx(
        nx.pagerank(unweighted, tol=1e-12), abs=1e-8
    )


@given(HELD.filter(lambda held: len(held) > 1))  # networkx divides by 0 with one agent
@settings(max_examples=60)
def test_centralities_agree_with_networkx(held):
    graph = of(held)
    agents = [node for node, side in graph.nodes(data="bipartite") if side == 0]
    assert centrality(graph) == pytest.approx(bipartite.degree_centrality(graph, agents))
    between = bipartite.betweenness_centrality(graph, agents)
    assert centrality(graph, "betweenness") == pytest.approx(between, abs=1e-9)
    ranks = nx.pagerank(graph, tol=1e-13, max_iter=1_000)
    assert centrality(graph, "pagerank") == pytest.approx(ranks, abs=1e-8)


def test_betweenness_samples_are_an_estimate():
    graph = bipartite.random_graph(60, 30, 0.2, seed=3)
    exact = centrality(graph, "betweenness")
    assert centrality(graph, "betweenness", samples=90) == exact
    rough = centrality(graph, "betweenness", samples=45, seed=1)
    assert rough == centrality(graph, "betweenness", samples=45, seed=1)
    assert rough != exact
    assert sum(rough.values()) == pytest.approx(sum(exact.values()), rel=0.1)


def test_betweenness_counts_more_paths_than_a_float_holds():
    graph = nx.Graph()
    for i in range(1_100):  # diamonds in a row: 2 ** 1100 shortest paths from end to end
        nx.add_path(graph, [f"n{i}", f"a{i}", f"n{i + 1}"])
        nx.add_path(graph, [f"n{i}", f"b{i}", f"n{i + 1}"])
    found = centrality(graph, "betweenness", samples=64)
    assert all(0 <= value <= 1 for value in found.values())
    assert found["n550"] > found["a550"] > 0


@pytest.mark.parametrize("size", [2, 10, 400])
def test_eigenvector_where_it_is_not_unique(size):
    graph = nx.Graph([(i, -i) for i in range(1, size + 1)])  # all alike
    found = list(centrality(graph, "eigenvector").values())
    assert found == pytest.approx([(2 * size) ** -0.5] * 2 * size, abs=1e-6)


def test_centrality_of_little():
    assert centrality(nx.Graph()) == centrality(nx.Graph(), "eigenvector") == {}
    alone = crew(ada="")
    for measure in ("degree", "betweenness", "pagerank", "eigenvector"):
        assert centrality(alone, measure) == {"ada": 0 if measure in "degree betweenness" else 1}
    loop = nx.MultiDiGraph([(1, 1), (1, 2), (2, 1), (1, 2)])
    assert centrality(loop) == {1: 1, 2: 1}


def test_centrality_refuses():
    for wrong in ({"measure": "x"}, {"damping": 1.0}, {"damping": float("nan")}):
        with pytest.raises(ValidationError):
            centrality(DAVIS, **wrong)
    for samples in (0, True, 1.5, "3"):
        with pytest.raises(ValidationError, match="samples"):
            centrality(DAVIS, "betweenness", samples=samples)


@given(HELD)
def test_projections_agree_with_networkx(held):
    graph = of(held)
    for side, keep in ("agents", 0), ("skills", 1):
        nodes = [node for node, found in graph.nodes(data="bipartite") if found == keep]
        count = bipartite.weighted_projected_graph(graph, nodes)
        jaccard = bipartite.overlap_weighted_projected_graph(graph, nodes)
        newman = bipartite.collaboration_weighted_projected_graph(graph, nodes)
        same_edges(project(graph, side), count)
        same_edges(project(graph, side, weight="jaccard"), jaccard)
        same_edges(project(graph, side, weight="newman"), newman)


@given(HELD, st.integers(1, 9), st.sampled_from(["jaccard", "cosine", "count", "newman"]))
def test_nearest_are_those_of_all_pairs(held, k, measure):
    graph = of(held)
    everything = project(graph, weight=measure)
    for agent, best in nearest(graph, k, measure=measure).items():
        ranked = sorted(
            (-round(edge["weight"], 12), str(other)) for other, edge in everything[agent].items()
        )
        assert [(-it.similarity, str(it.node)) for it in best] == ranked[:k]


@given(HELD, st.integers(1, 3))
def test_the_strongest_edges_are_those_of_the_nearest(held, k):
    graph = of(held)
    found = {frozenset(edge) for edge in project(graph, weight="cosine", strongest=k).edges()}
    near = nearest(graph, k, measure="cosine")
    assert found == {frozenset((a, it.node)) for a, those in near.items() for it in those}


def test_cosine_and_jaccard_by_hand():
    graph = crew(ada="a b c d", bob="c d e f", cleo="z")
    (like,) = nearest(graph)["ada"]
    assert (like.node, like.similarity) == ("bob", pytest.approx(2 / 6))
    assert nearest(graph, measure="cosine")["ada"][0].similarity == pytest.approx(0.5)
    assert nearest(graph)["cleo"] == ()
    assert nearest(graph, side="skills")["skill:c"][0].node == "skill:d"


def test_bounds_of_a_projection():
    graph = crew(**{f"a{i}": f"hub s{i // 2}" for i in range(20)})
    with pytest.raises(AnalysisError, match=r"more than 50 edges \(up to 190.*max_degree"):
        project(graph, max_edges=50)
    with pytest.raises(AnalysisError, match="edges"):
        project(graph, max_edges=5, strongest=1)
    small = project(graph, max_degree=2, max_edges=10)
    assert small.number_of_edges() == 10
    assert small.graph["left_out"] == ["skill:hub"]
    assert project(graph, min_weight=2).number_of_edges() == 10
    assert project(graph).nodes["a0"]["max_concurrent_tasks"] == 5
    for wrong in ({"max_degree": 0}, {"strongest": -1}, {"weight": "x"}, {"side": "x"}):
        with pytest.raises(ValidationError):
            project(graph, **wrong)


def test_coverage_by_hand():
    graph = crew(ada="a b", bob="b", cleo="b c")
    graph.add_node("skill:d", label="Skill", bipartite=1)
    wanted = tasks("A", "a", "b c", "a c", "e", "")
    found = coverage(graph, wanted)
    by_skill = {it.skills[0]: it for it in found.skills}
    assert [it.skills[0] for it in found.skills][:2] == ["skill:e", "skill:d"]
    assert by_skill["skill:a"].only_agent == "ada"
    assert (by_skill["skill:a"].waiting, by_skill["skill:a"].free_slots) == (3, 3)
    assert by_skill["skill:b"].redundancy == 2
    assert by_skill["skill:b"].slots == 15
    assert by_skill["skill:e"].shortage == 1
    assert found.single_points == {"ada": ("skill:a",), "cleo": ("skill:c",)}
    assert [it.skills for it in found.uncovered] == [
        ("skill:e",),
        ("skill:d",),
        ("skill:a", "skill:c"),
    ]
    everybody = next(it for it in found.sets if it.skills == ())
    assert everybody.agents == ("ada", "bob", "cleo")
    frame = found.to_frame()
    assert frame.loc[frame.skill == "skill:b", "agents"].item() == 3


def test_coverage_of_all_in_one_graph():
    graph = nx.MultiDiGraph(crew(ada="a", bob="a b"))
    graph.add_node("t", label="Task", status="running")
    graph.add_edge("t", "skill:b", key="REQUIRES", type="REQUIRES")
    graph.add_edge("t", "ada", key="ASSIGNED_TO:1", type="ASSIGNED_TO")
    graph.add_node("old", label="Task", status="completed", requirements=["zzz"])
    graph.add_edge("ada", "bob", key="KNOWS", type="KNOWS")
    found = coverage(graph)
    assert [(it.skills, it.waiting, it.held) for it in found.sets] == [(("skill:b",), 0, 1)]
    assert len(found.skills) == 2


def test_coverage_without_slots_and_without_anything():
    found = coverage(DAVIS)
    assert {it.free_slots for it in found.skills} == {None}
    assert found.skills[0].redundancy == 2
    assert coverage(nx.Graph()).skills == ()
    assert coverage(nx.Graph()).to_frame().empty


def test_redundancy_by_hand():
    found = {it.agent: it for it in redundancy(crew(ada="a b", bob="b", cleo="b c", dan=""))}
    assert found["ada"].only == ("skill:a",)
    assert found["ada"].others == 1.0
    assert [found[it].stand_ins for it in ("ada", "bob", "cleo", "dan")] == [0, 2, 0, 3]
    assert redundancy(crew(ada="a", bob="a b"))[0].agent == "bob"


@given(HELD, st.floats(0.05, 1.0))
@settings(max_examples=80)
def test_bus_factor_is_the_smallest(held, share):
    graph = of(held)
    found = bus_factor(graph, share=share)
    owners = {j: {i for i, skills in enumerate(held) if j in skills} for j in range(7)}
    owners = {j: those for j, those in owners.items() if those}
    need = share * len(owners) - 1e-9
    best = next(
        size
        for size in range(len(held) + 1)
        if any(
            sum(those <= set(gone) for those in owners.values()) >= max(need, bool(owners))
            for gone in combinations(range(len(held)), size)
        )
    )
    assert found.number == best
    assert found.is_exact
    assert len(found.lost) >= need


def test_bus_factor_greedily_is_near_the_bound():
    graph = bipartite.random_graph(300, 100, 0.2, seed=5)
    found = bus_factor(graph, share=0.5)
    gone = set(found.agents)
    lost = [it for it in range(300, 400) if set(graph[it]) <= gone]
    assert len(lost) == len(found.lost) >= 50
    assert found.at_least <= found.number < 300
    assert not found.is_exact


def test_bus_factor_of_tasks():
    graph = crew(ada="a b", bob="a b", cleo="a c", dan="c")
    assert bus_factor(graph).number == 2
    found = bus_factor(graph, of="tasks", tasks=tasks("a c", "b", "x"))
    assert found.agents == ("cleo",)
    assert found.lost == (("skill:a", "skill:c"),)
    assert found.uncovered == (("skill:x",),)
    with pytest.raises(AnalysisError, match="no live task"):
        bus_factor(graph, of="tasks", tasks=tasks("a", status="completed"))
    assert bus_factor(graph, share=1).number == 4
    assert bus_factor(nx.Graph()).number == 0
    for wrong in (
        {"share": 0},
        {"share": 1.1},
        {"share": float("nan")},
        {"share": "x"},
        {"of": "x"},
    ):
        with pytest.raises(ValidationError):
            bus_factor(graph, **wrong)


def test_sides_as_they_are_named():
    graph = nx.Graph([("ada", "x"), ("bob", "x"), (1, "y"), ("1", "y")])
    view = AgentSkills.from_networkx(graph, agents=["ada", "bob", 1, "1"])
    assert view.agents == (1, "1", "ada", "bob")
    assert AgentSkills.from_networkx(graph, skills=["x", "y"]).skills == ("x", "y")
    assert AgentSkills.of(view) is view
    with pytest.raises(AnalysisError, match="agents="):
        AgentSkills.from_networkx(graph)
    with pytest.raises(ValidationError, match="'zoe' is not a node"):
        AgentSkills.from_networkx(graph, agents=["zoe"])
    with pytest.raises(ValidationError, match="as an agent and as a skill"):
        AgentSkills.from_networkx(graph, agents=["x"], skills=["x"])
    with pytest.raises(AnalysisError, match="joins two of one side"):
        AgentSkills.from_networkx(graph, agents=["ada", "x"])
    with pytest.raises(ValidationError, match="a NetworkX graph is needed, not list"):
        AgentSkills.from_networkx([("ada", "x")])


def test_edges_that_are_not_sure_can_be_left_out():
    graph = crew(ada="a b")
    graph["ada"]["skill:a"]["confidence"] = 0.3
    assert AgentSkills.from_networkx(graph, min_confidence=0.5).matrix.sum() == 1
    assert AgentSkills.from_networkx(graph).matrix.sum() == 2
    graph["ada"]["skill:b"]["confidence"] = "high"
    with pytest.raises(AnalysisError, match="confidence is 'high'"):
        AgentSkills.from_networkx(graph, min_confidence=0.5)
    with pytest.raises(ValidationError, match="min_confidence"):
        AgentSkills.from_networkx(graph, min_confidence=2)


@pytest.mark.parametrize("slots", ["5", True, float("inf"), [5]])
def test_slots_that_are_no_numbers_are_refused(slots):
    graph = crew(ada="a")
    graph.nodes["ada"]["max_concurrent_tasks"] = slots
    with pytest.raises(AnalysisError, match="'ada': max_concurrent_tasks"):
        coverage(graph)


@pytest.mark.parametrize("required", ["python", [1], 5, {"a": 1}])
def test_requirements_that_are_no_list_are_refused(required):
    graph = nx.DiGraph()
    graph.add_node("t", label="Task", requirements=required)
    with pytest.raises(AnalysisError, match="'t': requirements"):
        coverage(crew(ada="a"), graph)


def test_graphs_are_left_as_they_were():
    graph = crew(ada="a b", bob="b")
    before = (dict(graph.nodes(data=True)), list(graph.edges(data=True)), dict(graph.graph))
    coverage(graph), redundancy(graph), bus_factor(graph), nearest(graph)
    project(graph).nodes["ada"]["extra"] = 1
    centrality(graph, "pagerank")
    assert (dict(graph.nodes(data=True)), list(graph.edges(data=True)), graph.graph) == before


def test_many_agents_stay_sparse():
    graph = bipartite.random_graph(3_000, 300, 0.02, seed=1)
    view = AgentSkills.from_networkx(graph)
    assert len(nearest(view, 5)) == 3_000
    assert project(view, strongest=5).number_of_edges() <= 15_000
    assert len(redundancy(view)) == 3_000
    assert bus_factor(view, share=0.2).number > 0
