"""The statements that need Graph Data Science, on a server that has it."""

from __future__ import annotations

import neo4j
import pytest

from graph_orch.store import statements
from tests.contract.test_statements import SCANS, WRITTEN, operators, samples

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
