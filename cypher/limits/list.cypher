// Returns the limits that somebody set, in the order of their keys: at most $limit. Of a key that
// tasks have and nobody set a limit for, one is held at once.
// mode: read
// params: $limit: INTEGER
// returns: limit
CYPHER 5
MATCH (x:Limit) USING INDEX SEEK x:Limit(key)
WHERE x.key >= '' AND ((x.max IS NOT NULL AND x.unset IS NULL) OR x.interval_seconds IS NOT NULL)
WITH x ORDER BY x.key LIMIT $limit
RETURN properties(x) AS limit
