// Agents by their ids, those that are registered, with the skills that they have.
// mode: read
// params: keys, agent_ids
// returns: agent, held
// seconds: 120
CYPHER 5
UNWIND $agent_ids AS id
MATCH (a:Agent {agent_id: id})
// include export/agent
