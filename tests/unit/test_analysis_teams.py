"""Communities outside the database: published answers, the projection, agreement, bad input."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import networkx as nx
import pytest

from graph_orch.analysis import AgentSkills
from graph_orch.analysis.teams import Communities, agreement, communities, shared_skills
from graph_orch.domain.models.teams import HOLDERS
from graph_orch.errors import AnalysisError, ValidationError

BOTH = pytest.mark.parametrize("algorithm", ["louvain", "leiden"])


def agents_skills(skills_of: dict[str, list[str]]) -> nx.DiGraph:
    graph = nx.DiGraph(kind="agents-skills")
    for agent, skills in skills_of.items():
        graph.add_node(agent, label="Agent", bipartite=0)
        for skill in skills:
            graph.add_node(f"skill:{skill}", label="Skill", bipartite=1)
            graph.add_edge(agent, f"skill:{skill}", type="HAS_SKILL")
    return graph


def women() -> tuple[nx.Graph, list[str]]:
    graph = nx.davis_southern_women_graph()
    return graph, [node for node, side in graph.nodes(data="bipartite") if side == 0]


def is_partition(found: Communities, nodes) -> bool:
    return Counter(node for group in found.members for node in group) == Counter(list(nodes))


@BOTH
@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_karate_club_has_the_best_known_modularity(algorithm, seed):
    """0.420 is the upper bound too: Agarwal and Kempe, Eur. Phys. J. B 66, 409 (2008), table 1."""
    club = nx.karate_club_graph()
    found = communities(club, algorithm=algorithm, weight=None, seed=seed)
    assert round(found.modularity, 4) == 0.4198
    assert [len(group) for group in found.members] == [12, 11, 6, 5]
    assert found.modularity == pytest.approx(
        nx.community.modularity(club, found.members, weight=None), abs=1e-12
    )
    assert is_partition(found, club)


def test_southern_women_are_the_two_groups_that_were_published():
    """1-9 and 10-18: what most of 21 analyses agree on, and the one of highest likelihood.

    Freeman, Finding Social Groups: A Meta-Analysis of the Southern Women Data (2003).
    """
    graph, of = women()
    found = communities(
        shared_skills(AgentSkills.from_networkx(graph, agents=of)), algorithm="leiden"
    )
    published = [set(of[:9]), set(of[9:])]
    assert sorted(map(set, found.members), key=min) == sorted(published, key=min)
    assert agreement(found, published).adjusted_rand == 1.0


@BOTH
def test_southern_women_but_for_pearl(algorithm):
    """Whom the published analyses put on either side, with Ruth, Verne and Dorothy."""
    graph, of = women()
    found = communities(
        shared_skills(AgentSkills.from_networkx(graph, agents=of)), algorithm=algorithm
    )
    sides = [set(group) & (set(of[:7]) | set(of[9:15])) for group in found.members]
    assert sorted(sides, key=min) == sorted([set(of[:7]), set(of[9:15])], key=min)


def test_projection_is_the_collaboration_graph_of_newman():
    graph, of = women()
    ours, theirs = (
        shared_skills(AgentSkills.from_networkx(graph, agents=of)),
        nx.bipartite.collaboration_weighted_projected_graph(graph, of),
    )
    assert set(map(frozenset, ours.edges)) == set(map(frozenset, theirs.edges))
    for one, other, weight in theirs.edges(data="weight"):
        assert ours[one][other]["weight"] == pytest.approx(weight, abs=1e-11)
    for woman in of:  # an agent's weights sum to the number of its skills that others share
        assert ours.degree(woman, weight="weight") == pytest.approx(graph.degree(woman), abs=1e-9)


def test_an_agent_keeps_those_it_shares_most_with():
    skills = {f"a{n}": ["all", f"s{n // 3}"] for n in range(12)}
    found = shared_skills(agents_skills(skills), neighbours=2)
    pairs = {frozenset(edge) for edge in found.edges}
    groups = [[f"a{n}" for n in range(start, start + 3)] for start in range(0, 12, 3)]
    assert pairs == {frozenset((x, y)) for group in groups for x in group for y in group if x != y}
    assert found["a0"]["a1"]["weight"] == pytest.approx(1 / 11 + 1 / 2)


def test_a_skill_of_too_many_joins_them_to_the_first():
    many = HOLDERS + 50
    ids = [f"a{n:03}" for n in range(many)]
    found = shared_skills(agents_skills({agent: ["all"] for agent in ids}), neighbours=10_000)
    first = set(ids[:HOLDERS])
    assert found.number_of_edges() == many * (many - 1) // 2 - 50 * 49 // 2
    assert all(first.intersection(edge) for edge in found.edges)
    assert {data["weight"] for _, _, data in found.edges(data=True)} == {
        10**12 // (many - 1) / 10**12
    }
    assert [len(group) for group in communities(found, algorithm="leiden").members] == [many]


@BOTH
def test_a_skill_that_everybody_has_makes_no_teams_and_hides_none(algorithm):
    alike = agents_skills({f"a{n}": ["python"] for n in range(600)})
    assert [len(group) for group in communities(alike, algorithm=algorithm).members] == [600]
    four = agents_skills({f"a{n}": ["python", f"t{n % 4}"] for n in range(1200)})
    found = communities(four, algorithm=algorithm)
    assert [len(group) for group in found.members] == [300] * 4
    assert all(len({int(agent[1:]) % 4 for agent in group}) == 1 for group in found.members)


@BOTH
def test_planted_teams_are_found(algorithm):
    skills = {
        f"{team}{n}": ["everybody", *(f"{team} {(n + k) % 6}" for k in range(3))]
        for team in "abcd"
        for n in range(10)
    }
    snapshot = agents_skills({**skills, "loner": ["juggling"]})
    found = communities(snapshot, algorithm=algorithm)
    assert [{agent[0] for agent in group} for group in found.members[:4]] == [*map(set, "abcd")]
    assert found.members[4:] == [["loner"]]
    projected = shared_skills(snapshot)
    assert found.modularity == pytest.approx(
        nx.community.modularity(projected, found.members, weight="weight"), abs=1e-12
    )


def test_all_snapshot_gives_the_same_communities():
    skills = {"a": ["x", "y"], "b": ["x", "y"], "c": ["z"], "d": ["z"]}
    small = agents_skills(skills)
    whole = nx.MultiDiGraph(small, kind="all")
    whole.add_node("t", label="Task")
    whole.add_edge("t", "skill:x", key="REQUIRES", type="REQUIRES")
    whole.add_edge("t", "a", key="ASSIGNED_TO:1", type="ASSIGNED_TO")
    whole.add_node("team:1", label="Team")
    whole.add_edge("a", "team:1", key="MEMBER_OF", type="MEMBER_OF")
    assert communities(whole) == communities(small)
    assert communities(small).members == [["a", "b"], ["c", "d"]]


@BOTH
@pytest.mark.parametrize("weight", ["weight", None, "absent"])
@pytest.mark.parametrize("resolution", [0.5, 1.0, 1.7])
def test_modularity_is_that_of_networkx(algorithm, weight, resolution):
    club = nx.karate_club_graph()
    found = communities(club, algorithm=algorithm, weight=weight, resolution=resolution)
    expected = nx.community.modularity(club, found.members, weight, resolution)
    assert found.modularity == pytest.approx(expected, abs=1e-12)


@BOTH
def test_self_loops_parallel_edges_and_odd_nodes(algorithm):
    graph = nx.MultiGraph()
    nodes = [1, "1", (1,), None, 2.5, frozenset({3}), b"x", True and "z"]
    graph.add_nodes_from(node for node in nodes if node is not None)
    named = list(graph)
    for group in (named[:3], named[3:]):
        for one in group:
            graph.add_edge(one, one, weight=0.5)
            graph.add_edges_from((one, other, {"weight": 2}) for other in group if one != other)
    graph.add_edge(named[0], named[3], weight=0)
    found = communities(graph, algorithm=algorithm)
    assert is_partition(found, graph)
    assert len(found.members) == 2
    assert found.modularity == pytest.approx(
        nx.community.modularity(graph, found.members, "weight"), abs=1e-12
    )


def test_directed_graphs_are_for_louvain():
    graph = nx.DiGraph([(1, 2), (2, 3), (3, 1), (4, 5), (5, 6), (6, 4), (3, 4)])
    found = communities(graph)
    assert found.members == [[1, 2, 3], [4, 5, 6]]
    assert found.modularity == pytest.approx(nx.community.modularity(graph, found.members))
    with pytest.raises(AnalysisError, match="undirected graphs only"):
        communities(graph, algorithm="leiden")


@BOTH
@pytest.mark.parametrize("kind", [nx.Graph, nx.MultiGraph])
def test_graphs_without_edges(algorithm, kind):
    assert communities(kind(), algorithm=algorithm).members == []
    lonely = kind()
    lonely.add_nodes_from("cab")
    found = communities(lonely, algorithm=algorithm)
    assert (found.members, found.modularity) == ([["a"], ["b"], ["c"]], 0.0)
    lonely.add_edge("a", "b", weight=0)
    assert communities(lonely, algorithm=algorithm) == found
    empty = nx.DiGraph(kind="agents-skills")
    assert communities(empty, algorithm=algorithm).members == []


@BOTH
def test_the_order_in_which_a_graph_was_built_does_not_matter(algorithm):
    club = nx.karate_club_graph()
    edges = [(f"n{i}", f"n{j}", w) for i, j, w in club.edges(data="weight")]
    one, other = nx.Graph(), nx.Graph()
    one.add_weighted_edges_from(edges)
    other.add_weighted_edges_from((j, i, w) for i, j, w in reversed(edges))
    assert communities(one, algorithm=algorithm) == communities(other, algorithm=algorithm)


def test_the_hash_seed_of_a_process_does_not_matter():
    code = (
        "import networkx as nx; from graph_orch.analysis.teams import communities;"
        "g = nx.relabel_nodes(nx.karate_club_graph(), str);"
        "print(communities(g).run_id, communities(g, algorithm='leiden').run_id)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


def test_the_graph_is_not_changed():
    club = nx.karate_club_graph()
    before = nx.node_link_data(club, edges="edges")
    communities(club)
    communities(club, algorithm="leiden", weight=None)
    assert nx.node_link_data(club, edges="edges") == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "magic"}, "algorithm: .*'louvain' or 'leiden'"),
        ({"resolution": 0}, "resolution: .*greater than 0"),
        ({"resolution": float("nan")}, "resolution: "),
        ({"resolution": float("inf")}, "resolution: "),
        ({"seed": -1}, "seed: "),
        ({"seed": 1.5}, "seed: "),
        ({"weight": "bad"}, "weight: the edge from .* has bad 'heavy'"),
        ({"weight": "below"}, "below -1, and a weight is a number of at least 0"),
        ({"weight": "nothing"}, "nothing None"),
    ],
)
def test_what_is_not_acceptable(change, message):
    graph = nx.Graph()
    graph.add_edge(1, 2, bad="heavy", below=-1, nothing=None)
    with pytest.raises(ValidationError, match=message):
        communities(graph, **change)


def test_what_is_no_graph_and_what_a_snapshot_is_not_weighted_by():
    with pytest.raises(ValidationError, match="a NetworkX graph is needed, not list"):
        communities([(1, 2)])
    with pytest.raises(ValidationError, match="'confidence' is not what agents are joined by"):
        communities(agents_skills({"a": ["x"]}), weight="confidence")
    with pytest.raises(ValidationError, match="neighbours"):
        shared_skills(nx.Graph(), neighbours=0)


@pytest.mark.parametrize(
    ("a", "b", "rand", "information"),
    [
        ([{0, 1}, {2}, {3}], [{0, 1}, {2, 3}], 4 / 7, 0.8),
        ([{0, 1, 2, 3}], [{0}, {1}, {2}, {3}], 0.0, 0.0),
        ([{0, 1}, {2, 3}], [{0, 2}, {1, 3}], -0.5, 0.0),
        ([{0, 1}, {2, 3}], [{3, 2}, {1, 0}], 1.0, 1.0),
        ([{0, 1, 2}], [{0, 1, 2}], 1.0, 1.0),
        ([{0}, {1}], [{1}, {0}], 1.0, 1.0),
        ([], [], 1.0, 1.0),
    ],
)
def test_agreement(a, b, rand, information):
    """By hand; the first and the third are examples in scikit-learn's documentation too."""
    found = agreement(a, b)
    assert found.adjusted_rand == pytest.approx(rand)
    assert found.normalized_mutual_information == pytest.approx(information)
    assert agreement(b, a) == found


def test_agreement_by_a_published_example():
    """Yeung and Ruzzo, Details of the Adjusted Rand Index (2001), give 0.313 for this table."""
    table = {(0, 0): 1, (0, 1): 1, (1, 0): 1, (1, 1): 2, (1, 2): 1, (2, 2): 4}
    nodes = [(i, j, n) for (i, j), count in table.items() for n in range(count)]
    a = [[node for node in nodes if node[0] == label] for label in range(3)]
    b = [[node for node in nodes if node[1] == label] for label in range(3)]
    assert agreement(a, b).adjusted_rand == pytest.approx(0.313, abs=5e-4)


def test_partitions_that_cannot_be_compared():
    with pytest.raises(ValidationError, match="not of the same nodes: 2 are in one of them only"):
        agreement([[1, 2]], [[1, 3]])
    with pytest.raises(ValidationError, match="b: 1 is in more than one community"):
        agreement([[1]], [[1], [1]])
    with pytest.raises(ValidationError, match="one string where a group"):
        agreement(["ab"], [["a", "b"]])


def test_agreement_takes_communities():
    club = nx.karate_club_graph()
    one, other = communities(club), communities(club, algorithm="leiden")
    assert 0.8 < agreement(one, other).adjusted_rand <= 1
    assert agreement(one, one.members).normalized_mutual_information == 1
