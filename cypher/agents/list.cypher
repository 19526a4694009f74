// Returns every agent with the names of its skills, in the order of their ids.
// mode: read
// returns: agent, names
CYPHER 5
MATCH (a:Agent)
RETURN INCLUDE agents/answer
ORDER BY a.agent_id
