// Drops a projection, where there is one.
// mode: read
// plugin: gds
// params: $graph: STRING
// returns: dropped
CYPHER 5
CALL gds.graph.drop($graph, false) YIELD graphName
RETURN count(graphName) AS dropped
