// Returns the dead letters of an ingest that are to be tried again, with their bodies.
// mode: read
// params: $ingest: STRING, $limit: INTEGER
// returns: letter
CYPHER 5
MATCH (d:DeadLetter) USING INDEX SEEK d:DeadLetter(ingest, retry_at)
WHERE d.ingest = $ingest AND d.retry_at IS NOT NULL
WITH d ORDER BY d.retry_at LIMIT $limit
RETURN properties(d) AS letter
