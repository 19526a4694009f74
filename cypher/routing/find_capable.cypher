// Returns the ids of the agents that have every one of some skills, busy or not, in order. It
// starts from the rarest of these skills, which the fewest agents have.
// mode: read
// params: $skills: LIST<STRING>
// returns: agent_ids
CYPHER 5
MATCH (k:Skill) WHERE k.key IN $skills
WITH k, COUNT { (k)<-[:HAS_SKILL]-() } AS holders ORDER BY holders LIMIT 1
MATCH (k)<-[:HAS_SKILL]-(a)  // No label is needed: who is deregistered has no such edge.
WITH a, a.skills AS has
WHERE all(key IN $skills WHERE key IN has)
WITH a.agent_id AS agent_id ORDER BY agent_id
RETURN collect(agent_id) AS agent_ids
