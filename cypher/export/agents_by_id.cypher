// Returns agents by their ids, with the skills that they have. Ids of agents that are not
// registered are left out.
// mode: read
// seconds: 120
// params: $keys: LIST<STRING>, $agent_ids: LIST<STRING>
// returns: agent, held
CYPHER 5
UNWIND $agent_ids AS id
MATCH (a:Agent {agent_id: id})
RETURN INCLUDE export/agent
