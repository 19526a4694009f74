// The communities that were found, as the agents of each.
// mode: read
// needs: gds
// seconds: 3600
// params: graph
// returns: agent_ids
CYPHER 5
CALL gds.graph.nodeProperty.stream($graph, 'community') YIELD nodeId, propertyValue
WITH propertyValue AS community, gds.util.asNode(nodeId).agent_id AS agent_id
WITH community, collect(agent_id) AS agent_ids
RETURN agent_ids
