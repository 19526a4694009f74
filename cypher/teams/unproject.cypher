// Drop a projection, where there is one.
// mode: read
// needs: gds
// params: graph
// returns: dropped
CYPHER 5
CALL gds.graph.drop($graph, false) YIELD graphName
RETURN count(graphName) AS dropped
