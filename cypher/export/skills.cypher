// Returns skills after a place in the order of their keys.
// mode: read
// seconds: 120
// params: $after: STRING, $limit: INTEGER
// returns: skill
CYPHER 5
MATCH (k:Skill) USING INDEX SEEK k:Skill(key)
WHERE k.key > $after
WITH k ORDER BY k.key LIMIT $limit
RETURN k {.*} AS skill
