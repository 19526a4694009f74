// Locks an agent, and returns the skills that a change of them starts from. No row means that there
// is no such agent.
// Locks: the agent.
// mode: write
// params: $agent_id: STRING, $command_id: STRING
// returns: skills
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
SET a.lk = $command_id
WITH a
RETURN a.skills AS skills
