"""Graph Data Science: what needs it, on a server that has it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import neo4j
import networkx as nx
import pytest

from graph_orch import Orchestrator
from graph_orch.analysis.teams import agreement, communities, shared_skills
from graph_orch.domain.lanes import lane_key
from graph_orch.domain.models.teams import HOLDERS
from graph_orch.embedded import EmbeddedNeo4j
from graph_orch.errors import StoreQueryError, ValidationError
from graph_orch.store import statements
from scripts.check_examples import DOCS, examples
from tests.contract.test_statements import SCANS, WRITTEN, operators, samples
from tests.integration.test_analysis_teams_in_store import (
    planted,
    register,
    register_many,
    taken,
)
from tests.integration.test_docs import reader, run_through

__all__ = ["reader"]  # a fixture

pytestmark = pytest.mark.own_server


@pytest.fixture(scope="module")
def gds_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNeo4j]:
    """A server with Graph Data Science: embedded always, and of the version that it fits."""
    directory = tmp_path_factory.mktemp("gds")
    with EmbeddedNeo4j(directory, version="5.26.30", plugins=["gds"], heap="1g") as embedded:
        yield embedded


@pytest.fixture(scope="module")
def gds_connected(gds_server: EmbeddedNeo4j) -> Iterator[Orchestrator]:
    with Orchestrator.connect(gds_server.uri, gds_server.auth) as orchestrator:
        yield orchestrator


@pytest.fixture
def gds_orch(gds_connected: Orchestrator, gds_server: EmbeddedNeo4j) -> Orchestrator:
    """An orchestrator on an empty graph, with Graph Data Science."""
    wipe(gds_server)
    return gds_connected


def wipe(server: EmbeddedNeo4j) -> None:
    with neo4j.GraphDatabase.driver(server.uri, auth=server.auth) as bare:
        bare.execute_query(
            "MATCH (n) WHERE NOT n:GraphOrchSchema AND NOT (n:Lane AND n.key = $empty) "
            "DETACH DELETE n",
            empty=lane_key(()),
        )


# --- the statements

NEEDY = [name for name in WRITTEN if statements.statement(name).plugin == "gds"]
SCANNING = {"teams/project"}  # all agents, by design


def test_whatever_calls_the_library_says_so():
    calling = [name for name in WRITTEN if "gds." in statements.statement(name).text]
    assert sorted(calling) == sorted(NEEDY)
    assert {statements.statement(name).plugin for name in WRITTEN} == {None, "gds"}


@pytest.fixture
def known(gds_orch):
    """A graph in which every label, type and property that they name has been used."""
    for agent_id in ("ada", "bob"):
        gds_orch.agents.register_agent(agent_id, ["x", "y"])


@pytest.mark.parametrize("name", NEEDY)
def test_statement(known, gds_server, name):
    it = statements.statement(name)
    text = it.text.replace("replan=skip\n", "EXPLAIN\n", 1)
    with (
        neo4j.GraphDatabase.driver(gds_server.uri, auth=gds_server.auth) as driver,
        driver.session() as session,
    ):
        result = session.run(text, samples(it))
        columns = tuple(result.keys())
        summary = result.consume()
    assert columns == it.returns
    notes = [note for note in summary.gql_status_objects if note.is_notification]
    assert [note.status_description for note in notes] == []
    if name not in SCANNING:
        assert not SCANS.intersection(operators(summary.plan))


# --- communities


def test_the_library_is_there(gds_orch):
    assert gds_orch.graph.query("RETURN gds.version() AS v")[1] == [["2.13.9"]]


@pytest.mark.parametrize("algorithm", ["leiden", "louvain"])
def test_database_and_networkx_agree(gds_orch, algorithm):
    register_many(gds_orch, {**planted(6, 20), "loner": ["juggling"], "novice": []})
    inside = gds_orch.teams.detect(algorithm=algorithm)
    outside = communities(taken(gds_orch), algorithm=algorithm)
    assert inside.modularity == pytest.approx(
        nx.community.modularity(shared_skills(taken(gds_orch)), inside.members), abs=1e-9
    )
    assert agreement(inside, outside).adjusted_rand == 1.0
    assert inside.members[-2:] == [["loner"], ["novice"]]
    assert gds_orch.teams.detect(algorithm=algorithm) == inside
    assert projections(gds_orch) == 0
    assert gds_orch.teams.write(inside).members == 122


@pytest.mark.parametrize("algorithm", ["leiden", "louvain"])
def test_the_order_in_which_agents_were_registered_does_not_matter(gds_orch, gds_server, algorithm):
    skills_of, found = planted(6, 20), []
    for seed in range(3):
        wipe(gds_server)
        for agent_id in random.Random(seed).sample(sorted(skills_of), len(skills_of)):
            gds_orch.agents.register_agent(agent_id, skills_of[agent_id])
        found.append(gds_orch.teams.detect(algorithm=algorithm))
    assert found == found[:1] * 3


def projections(orch) -> int:
    return orch.graph.query("CALL gds.graph.list() YIELD graphName RETURN count(*)")[1][0][0]


def test_both_see_the_same_graph(gds_orch):
    """Edge by edge, with skills of so many agents that they join them to the first only."""
    register_many(gds_orch, planted(5, HOLDERS // 5 + 10))
    numbers = {"neighbours": 50, "holders": HOLDERS, "unit": 10**12}
    gds_orch.graph.read("teams/project", graph="same", **numbers)
    _, rows = gds_orch.graph.query(
        "CALL gds.graph.relationshipProperty.stream('same', 'weight') "
        "YIELD sourceNodeId, targetNodeId, propertyValue "
        "RETURN gds.util.asNode(sourceNodeId).agent_id, gds.util.asNode(targetNodeId).agent_id, "
        "propertyValue"
    )
    gds_orch.graph.read("teams/unproject", graph="same")
    inside = {frozenset((one, other)): weight for one, other, weight in rows}
    edges = shared_skills(taken(gds_orch)).edges(data="weight")
    assert len(rows) == 2 * len(inside)
    assert inside == {frozenset((one, other)): weight for one, other, weight in edges}


def test_leiden_takes_a_resolution(gds_orch):
    register_many(gds_orch, planted(4, 10))
    fine = gds_orch.teams.detect(resolution=4.0, seed=3)
    assert len(fine.members) > 4
    expected = nx.community.modularity(shared_skills(taken(gds_orch)), fine.members, resolution=4.0)
    assert fine.modularity == pytest.approx(expected, abs=1e-9)
    with pytest.raises(ValidationError, match="not for Louvain in the database"):
        gds_orch.teams.detect(algorithm="louvain", resolution=4.0)


def test_graphs_without_anything_shared(gds_orch):
    assert gds_orch.teams.detect().members == []
    register(gds_orch, "bob", "ada")
    gds_orch.agents.register_agent("eve", ["x"])
    found = gds_orch.teams.detect()
    assert (found.members, found.modularity) == ([["ada"], ["bob"], ["eve"]], 0.0)
    assert projections(gds_orch) == 0


def test_a_failure_leaves_no_projection(gds_orch, monkeypatch):
    register(gds_orch, "ada", "bob", skills=["x"])
    read = gds_orch.graph.read

    def failing(name, **params):
        if name == "teams/found":
            assert projections(gds_orch) == 1
            raise StoreQueryError("on purpose")
        return read(name, **params)

    monkeypatch.setattr(gds_orch.graph, "read", failing)
    with pytest.raises(StoreQueryError, match="on purpose"):
        gds_orch.teams.detect()
    assert projections(gds_orch) == 0


# --- the documents


def test_examples_in_the_database_run(gds_orch, gds_server, reader, capsys):
    reader(gds_server.uri, gds_server.auth)
    steps = examples(DOCS / "analysis.md", "python(?: gds)?")
    last = max(at for at, (language, *_) in enumerate(steps) if language == "python gds")
    run_through(steps[: last + 1], capsys)
    assert gds_orch.teams.list()
