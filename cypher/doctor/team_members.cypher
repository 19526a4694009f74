// Finds members of teams that are not registered agents, or are in more than one team; the youngest
// team keeps its member. With $nodes it puts these right, and locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (g:Team)<-[m:MEMBER_OF]-(a) WHERE $nodes IS NULL OR a.agent_id IN $nodes
WITH a, m ORDER BY g.created_at DESC, g.team_id
WITH a, collect(m) AS memberships, CASE WHEN a:Agent THEN 1 ELSE 0 END AS expected
WITH a, memberships, expected, size(memberships) AS found WHERE found > expected
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET a.lk = $command_id)
FOREACH (m IN CASE WHEN $nodes IS NOT NULL THEN memberships[expected..] ELSE [] END | DELETE m)
WITH a, expected, found
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET a.terms = INCLUDE agents/terms)
RETURN a.agent_id AS node, expected, found
