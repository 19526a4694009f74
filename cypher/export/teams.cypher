// Returns teams after a place in the order of their ids, with their members.
// mode: read
// seconds: 120
// params: $after: STRING, $limit: INTEGER
// returns: team, members
CYPHER 5
MATCH (g:Team) WHERE g.team_id > $after
WITH g ORDER BY g.team_id LIMIT $limit
RETURN g {.*} AS team, COLLECT {
  MATCH (a:Agent)-[m:MEMBER_OF]->(g)
  RETURN [a.agent_id, properties(m)]
} AS members
