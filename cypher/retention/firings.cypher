// Deletes firings of triggers that ended before a time, $limit at most.
// mode: write
// seconds: 120
// params: $cutoff: STRING, $limit: INTEGER
// returns: number
CYPHER 5
MATCH (f:Firing) USING INDEX SEEK f:Firing(finished_at)
WHERE f.finished_at <= datetime($cutoff)
WITH f LIMIT $limit
DELETE f
RETURN count(*) AS number
