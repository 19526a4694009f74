// Teams after a place in the order of their ids, with who is in them.
// mode: read
// params: after, limit
// returns: team, members
// seconds: 120
CYPHER 5
MATCH (g:Team) WHERE g.team_id > $after
WITH g ORDER BY g.team_id LIMIT $limit
RETURN g {.*} AS team, COLLECT {
  MATCH (a:Agent)-[m:MEMBER_OF]->(g)
  RETURN [a.agent_id, properties(m)]
} AS members
