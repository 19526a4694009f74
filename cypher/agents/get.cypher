// One agent, with the names of its skills.
// mode: read
// params: agent_id
// returns: agent, names
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
RETURN
// include agents/answer
