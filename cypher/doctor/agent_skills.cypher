// Finds agents whose lists of skill keys and of terms are not what their HAS_SKILL edges, their team and
// their labels say; these are right. With $nodes it puts the lists right, and locks the agents first.
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
  RETURN collect(key) AS skills
}
WITH a, skills, INCLUDE agents/terms AS terms
WITH a, skills, terms, skills + terms AS expected, a.skills + coalesce(a.terms, []) AS found
WHERE size(expected) <> size(found) OR NOT all(key IN found WHERE key IN expected)
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET a.skills = skills, a.terms = terms)
RETURN a.agent_id AS node, expected, found
