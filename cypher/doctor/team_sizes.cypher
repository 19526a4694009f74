// Finds teams whose size is not the number of their members. With $nodes it puts these right, and
// locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (g:Team) WHERE $nodes IS NULL OR g.team_id IN $nodes
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET g.lk = $command_id)
WITH g, COUNT { (g)<-[:MEMBER_OF]-() } AS expected
WITH g, expected, g.size AS found WHERE coalesce(found <> expected, true)
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET g.size = expected)
RETURN g.team_id AS node, expected, found
