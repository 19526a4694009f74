// Returns the limits that hold tasks back, in the order of their keys: at most $limit.
// mode: read
// params: $limit: INTEGER
// returns: limit
CYPHER 5
MATCH (x:Limit) USING INDEX SEEK x:Limit(key)
WHERE x.key >= '' AND (x.max IS NOT NULL OR x.interval_seconds IS NOT NULL)
WITH x ORDER BY x.key LIMIT $limit
RETURN properties(x) AS limit
