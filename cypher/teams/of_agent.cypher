// The team of an agent.
// mode: read
// params: agent_id
// returns: team
CYPHER 5
MATCH (:Agent {agent_id: $agent_id})-[:MEMBER_OF]->(g:Team)
RETURN
// include teams/row
  AS team ORDER BY g.team_id LIMIT 1
