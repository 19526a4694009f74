// Waits until every index can be used.
// mode: write
// seconds: 3600
// params: $timeout_seconds: INTEGER
CYPHER 5
CALL db.awaitIndexes($timeout_seconds)
