// Returns agents after a place in the order of their ids, with the skills that they have.
// mode: read
// seconds: 120
// params: $keys: LIST<STRING>, $after: STRING, $limit: INTEGER
// returns: agent, held
CYPHER 5
MATCH (a:Agent) USING INDEX SEEK a:Agent(agent_id)
WHERE a.agent_id > $after
WITH a ORDER BY a.agent_id LIMIT $limit
RETURN INCLUDE export/agent
