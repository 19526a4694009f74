// The keys of an agent's skills, deregistered or not, before anything is locked.
// mode: read
// params: agent_id
// returns: skills
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
RETURN a.skills AS skills
