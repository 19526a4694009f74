// Deregister an agent that holds nothing: it loses its skills, and keeps its history.
// mode: write
// params: agent_id, command_id
// returns: agent, names
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
WITH a,
// include agents/answer
CALL (a) { MATCH (a)-[e:HAS_SKILL]->() DELETE e }
REMOVE a:Agent
SET a:RetiredAgent, a.retired_skills = a.skills, a.skills = [],
    a.retired_at = datetime(), a.retired_by = $command_id
RETURN agent, names
