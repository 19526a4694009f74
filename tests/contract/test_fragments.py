"""Every fragment by itself, against a real server: it needs and makes what its header says."""

from __future__ import annotations

import neo4j
import pytest
from neo4j.exceptions import CypherSyntaxError

from graph_orch.store.statements import compact, directory, split, words

FRAGMENTS = {
    path.relative_to(directory()).with_suffix("").as_posix(): split(path.read_text("utf-8"))
    for path in directory().glob("*/*.fragment")
}
OTHER = "other"
"""A variable of the statement around, of which the fragment knows nothing."""

DECLARING = {"events/row", "tasks/count_unmet"}
"""What is missing here is no error: a pattern in an expression declares what it does not find."""


@pytest.fixture(scope="module")
def columns(server):
    """The columns of a statement that has these variables in scope, and goes on with a text."""
    uri, auth, database = server
    with (
        neo4j.GraphDatabase.driver(uri, auth=auth) as driver,
        driver.session(database=database) as session,
    ):

        def explain(scope: list[str], text: str, params: list[str]) -> set[str]:
            given = ", ".join(f"null AS {name}" for name in scope)
            result = session.run(
                f"CYPHER 5 EXPLAIN WITH {given} {compact(text)}", dict.fromkeys(params)
            )
            # The server shows a node of CREATE that has no name under one that begins with spaces.
            return {key for key in set(result.keys()) if not key.startswith("  ")}

        yield explain


@pytest.mark.parametrize("name", sorted(FRAGMENTS))
def test_fragment(columns, name):
    fields, cypher = FRAGMENTS[name]
    needs = words(fields.get("needs", ""))
    variables = [need for need in needs if not need.startswith("$")]
    params = [need[1:] for need in needs if need.startswith("$")]
    if "makes" in fields:  # clauses
        made = words(fields["makes"])
        text = f"{cypher}\nRETURN *"
        around = [OTHER, *variables] if "*" in made else []
        expected = {*around, *made} - {"*"}
    else:  # columns, or an expression
        text = f"RETURN {cypher}" if "columns" in fields else f"RETURN {cypher} AS value"
        expected = set(words(fields.get("columns", "value")))
    assert columns([OTHER, *variables], text, params) == expected
    for spared in variables if name not in DECLARING else ():
        with pytest.raises(CypherSyntaxError, match=f"`{spared}` not defined"):
            columns([OTHER, *set(variables) - {spared}], text, params)
