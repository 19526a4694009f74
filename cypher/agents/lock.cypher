// Lock an agent, and read the skills to start from.
// mode: write
// params: agent_id, command_id
// returns: skills
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
SET a.lk = $command_id
WITH a
RETURN a.skills AS skills
