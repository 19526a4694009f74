// An agent serves only lanes whose skills it has: the edges that are too many.
// mode: write
// params: repair, command_id
// returns: node, expected, found
CYPHER 5
MATCH (a:Agent)
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END | SET a.lk = $command_id)
WITH a
MATCH (a)-[s:SERVES]->(l:Lane)
WHERE NOT all(key IN l.skills WHERE key IN a.skills)
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END | DELETE s)
RETURN a.agent_id AS node, null AS expected, l.skills AS found
