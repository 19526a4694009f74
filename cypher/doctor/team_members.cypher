// A member of a team is a registered agent, and of one team only.
// mode: write
// seconds: 3600
// params: nodes, command_id
// returns: node, expected, found
CYPHER 5
MATCH (g:Team)<-[m:MEMBER_OF]-(a) WHERE $nodes IS NULL OR a.agent_id IN $nodes
WITH a, m ORDER BY g.created_at DESC, g.team_id
WITH a, collect(m) AS memberships, CASE WHEN a:Agent THEN 1 ELSE 0 END AS expected
WITH a, memberships, expected, size(memberships) AS found WHERE found > expected
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET a.lk = $command_id)
FOREACH (m IN CASE WHEN $nodes IS NOT NULL THEN memberships[expected..] ELSE [] END | DELETE m)
RETURN a.agent_id AS node, expected, found
