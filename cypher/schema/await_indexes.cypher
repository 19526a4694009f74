// Wait until every index can be used.
// mode: write
// params: timeout_seconds
CYPHER 5
CALL db.awaitIndexes($timeout_seconds)
