// Every agent, with the names of its skills, by id.
// mode: read
// returns: agent, names
CYPHER 5
MATCH (a:Agent)
RETURN
// include agents/answer
ORDER BY a.agent_id
