// Returns skills by their keys. Keys of skills that do not exist are left out.
// mode: read
// seconds: 120
// params: $keys: LIST<STRING>
// returns: skill
CYPHER 5
UNWIND $keys AS key
MATCH (k:Skill {key: key})
RETURN k {.*} AS skill
