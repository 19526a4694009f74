// The skills that somebody has, by key, so many at most.
// mode: read
// params: limit
// returns: key, name
CYPHER 5
MATCH (k:Skill) WHERE EXISTS { (k)<-[:HAS_SKILL]-() }
RETURN k.key AS key, k.name AS name ORDER BY key LIMIT $limit
