// A team's size against its members.
// mode: write
// seconds: 3600
// params: nodes, command_id
// returns: node, expected, found
CYPHER 5
MATCH (g:Team) WHERE $nodes IS NULL OR g.team_id IN $nodes
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET g.lk = $command_id)
WITH g, COUNT { (g)<-[:MEMBER_OF]-() } AS expected
WITH g, expected, g.size AS found WHERE coalesce(found <> expected, true)
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET g.size = expected)
RETURN g.team_id AS node, expected, found
