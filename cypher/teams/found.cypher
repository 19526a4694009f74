// Returns the communities that were found, each as the list of its agents.
// mode: read
// seconds: 3600
// plugin: gds
// params: $graph: STRING
// returns: agent_ids
CYPHER 5
CALL gds.graph.nodeProperty.stream($graph, 'community') YIELD nodeId, propertyValue
WITH propertyValue AS community, gds.util.asNode(nodeId).agent_id AS agent_id
WITH community, collect(agent_id) AS agent_ids
RETURN agent_ids
