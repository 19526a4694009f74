// Every agent, by id: what no requirement asks for.
// mode: read
// returns: agent_id
CYPHER 5
MATCH (a:Agent) USING INDEX SEEK a:Agent(agent_id) WHERE a.agent_id >= ''
RETURN a.agent_id AS agent_id ORDER BY agent_id
