// Drops skills that nobody has and nothing needs any more.
// mode: write
// seconds: 120
// params: $keys: LIST<STRING>
CYPHER 5
UNWIND $keys AS key
MATCH (k:Skill {key: key}) WHERE NOT EXISTS { (k)--() }
DELETE k
