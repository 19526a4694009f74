// Returns the agents with their skills and their slots, by which tasks may be done, $limit at most.
// mode: read
// params: $limit: INTEGER
// returns: agent_id, skills, slots
CYPHER 5
MATCH (a:Agent) USING INDEX SEEK a:Agent(agent_id)
WHERE a.agent_id > ''
WITH a ORDER BY a.agent_id LIMIT $limit
RETURN a.agent_id AS agent_id, a.skills AS skills, a.max_concurrent_tasks AS slots
