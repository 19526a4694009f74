// Returns the skills that somebody has, in the order of their keys, at most $limit.
// mode: read
// params: $limit: INTEGER
// returns: key, name
CYPHER 5
MATCH (k:Skill) WHERE EXISTS { (k)<-[:HAS_SKILL]-() }
RETURN k.key AS key, k.name AS name ORDER BY key LIMIT $limit
