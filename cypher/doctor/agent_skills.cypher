// Finds agents whose list of skill keys is not what their HAS_SKILL edges say; the edges are right.
// With $nodes it puts these right, and locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (a:Agent) WHERE $nodes IS NULL OR a.agent_id IN $nodes
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET a.lk = $command_id)
WITH a
CALL (a) {
  MATCH (a)-[:HAS_SKILL]->(k:Skill)
  WITH k.key AS key ORDER BY key
  RETURN collect(key) AS expected
}
WITH a, expected, a.skills AS found
WHERE size(expected) <> size(found) OR NOT all(key IN found WHERE key IN expected)
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET a.skills = expected)
RETURN a.agent_id AS node, expected, found
