"""What is seen in the words of a query by hand, where the server's plan does not show it."""

from __future__ import annotations

import pytest

from graph_orch.errors import StoreQueryError
from graph_orch.store.by_hand import refuse_effects, refuse_words


@pytest.mark.parametrize(
    "query",
    [
        "RETURN [x IN [1] | COLLECT { LOAD CSV FROM 'file:///a' AS l RETURN l[0] }]",
        "RETURN any(x IN [1] WHERE EXISTS { load/* ' */csv FROM 'http://a' AS l RETURN l })",
        "RETURN [1 | COLLECT { LOAD // it's\nCSV FROM 'a' AS l RETURN l }]",
        "RETURN [1 | COLLECT { LO\\u0041D\u180eCSV FROM 'a' AS l RETURN l }]",
        "RETURN '\\u0027', [1 | COLLECT { LOAD CSV FROM 'a' AS l RETURN l }], '\\u0027'",
        "RETURN '\\\\', [1 | COLLECT { LOAD CSV FROM 'a' AS l RETURN l }], '\\\\'",
        "RETURN `'`, [1 | COLLECT { LOAD CSV FROM 'a' AS l RETURN l }], `'`",
        "RETURN [1 | COLLECT { CALL apoc.load.json('http://a') YIELD value RETURN value }]",
        "RETURN [1 | COLLECT { call`apoc` /* */ . load.`json`('a') YIELD value RETURN value }]",
        "CALL gds.graph.export('g', {dbName: 'evil'})",
        "CALL gds.graph.project('g', '*', '*')",
        "CALL gds.graph.drop('g')",
        "CALL gds.degree.mutate('g', {})",
        "CALL gds.degree.write('g', {})",
        "CALL db.stats.stop('x')",
    ],
)
def test_what_does_more_than_read(query):
    with pytest.raises(StoreQueryError, match="may only read the graph"):
        refuse_words(query)


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (t:Task) WHERE t.content CONTAINS 'load csv' RETURN t",
        "MATCH (t) // LOAD CSV\nRETURN t.load AS load, t.csv AS csv, t.call AS call ORDER BY call",
        "CALL (*) { MATCH (n) RETURN n } RETURN n",
        "CALL { RETURN 'CALL me.now' AS x } RETURN x",
        "CALL db.labels YIELD label RETURN label",
        "CALL db.index.fulltext.queryNodes('a', 'b') YIELD node RETURN node",
        "CALL gds.pageRank.stream('g', {}) YIELD nodeId RETURN nodeId",
        "CALL gds.graph.list() YIELD graphName RETURN count(*)",
    ],
)
def test_what_only_reads(query):
    refuse_words(query)


def test_the_plan_shows_more_than_the_words():
    nested = {"operatorType": "Apply@neo4j", "children": [{"operatorType": "LoadCSV@neo4j"}]}
    with pytest.raises(StoreQueryError, match="operator LoadCSV"):
        refuse_effects("r", nested)
    with pytest.raises(StoreQueryError, match="does more"):
        refuse_effects("w", {"operatorType": "Create@neo4j"})
    refuse_effects("r", {"operatorType": "ProduceResults@neo4j"})
