// Returns the limit of a concurrency key. No row means that no task has had the key, and nobody has
// set a limit for it.
// mode: read
// params: $key: STRING
// returns: limit
CYPHER 5
MATCH (x:Limit {key: $key})
RETURN properties(x) AS limit
