// A team's size against its members.
// mode: write
// seconds: 3600
// params: repair, command_id
// returns: node, expected, found
CYPHER 5
MATCH (g:Team)
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END | SET g.lk = $command_id)
WITH g, COUNT { (g)<-[:MEMBER_OF]-() } AS expected
WITH g, expected, g.size AS found WHERE coalesce(found <> expected, true)
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END | SET g.size = expected)
RETURN g.team_id AS node, expected, found
