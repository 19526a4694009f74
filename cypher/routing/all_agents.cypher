// Returns the ids of all agents, in order: those that a task without requirements may go to.
// mode: read
// returns: agent_ids
CYPHER 5
MATCH (a:Agent) USING INDEX SEEK a:Agent(agent_id) WHERE a.agent_id >= ''
WITH a.agent_id AS agent_id ORDER BY agent_id
RETURN collect(agent_id) AS agent_ids
