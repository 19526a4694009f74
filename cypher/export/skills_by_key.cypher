// Skills by their keys, those that exist.
// mode: read
// params: keys
// returns: skill
// seconds: 120
CYPHER 5
UNWIND $keys AS key
MATCH (k:Skill {key: key})
RETURN k {.*} AS skill
