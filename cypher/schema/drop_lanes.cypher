// Drop lanes whose tasks have all moved.
// mode: write
// seconds: 120
// params: lanes
CYPHER 5
UNWIND $lanes AS key
MATCH (l:Lane {key: key})
DETACH DELETE l
