// Drops lanes whose tasks have all been moved to others.
// mode: write
// seconds: 120
// params: $lanes: LIST<STRING>
CYPHER 5
UNWIND $lanes AS key
MATCH (l:Lane {key: key})
DETACH DELETE l
