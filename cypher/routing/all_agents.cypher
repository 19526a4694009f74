// Returns the id of every agent, in order: those that a task without requirements may go to.
// mode: read
// returns: agent_id
CYPHER 5
MATCH (a:Agent) USING INDEX SEEK a:Agent(agent_id) WHERE a.agent_id >= ''
RETURN a.agent_id AS agent_id ORDER BY agent_id
