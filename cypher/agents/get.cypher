// Returns one agent with the names of its skills. No row means that there is no such agent.
// mode: read
// params: $agent_id: STRING
// returns: agent, names
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
RETURN INCLUDE agents/answer
