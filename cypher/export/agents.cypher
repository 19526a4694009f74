// Agents after a place in the order of their ids, with the skills that they have.
// mode: read
// params: keys, after, limit
// returns: agent, held
// seconds: 120
CYPHER 5
MATCH (a:Agent) USING INDEX SEEK a:Agent(agent_id)
WHERE a.agent_id > $after
WITH a ORDER BY a.agent_id LIMIT $limit
// include export/agent
