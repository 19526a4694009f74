// The agents that have every one of some skills, busy or not, by id: from the rarest skill.
// mode: read
// params: skills
// returns: agent_id
CYPHER 5
MATCH (k:Skill) WHERE k.key IN $skills
WITH k, COUNT { (k)<-[:HAS_SKILL]-() } AS holders ORDER BY holders LIMIT 1
MATCH (k)<-[:HAS_SKILL]-(a)  // an agent: whoever is deregistered has no such edge
WITH a, a.skills AS has
WHERE all(key IN $skills WHERE key IN has)
RETURN a.agent_id AS agent_id ORDER BY agent_id
