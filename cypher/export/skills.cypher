// Skills after a place in the order of their keys.
// mode: read
// params: after, limit
// returns: skill
// seconds: 120
CYPHER 5
MATCH (k:Skill) USING INDEX SEEK k:Skill(key)
WHERE k.key > $after
WITH k ORDER BY k.key LIMIT $limit
RETURN k {.*} AS skill
