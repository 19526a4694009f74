// Returns the team of an agent. No row means that it is in none.
// mode: read
// params: $agent_id: STRING
// returns: team
CYPHER 5
MATCH (:Agent {agent_id: $agent_id})-[:MEMBER_OF]->(g:Team)
RETURN INCLUDE teams/row AS team ORDER BY g.team_id LIMIT 1
