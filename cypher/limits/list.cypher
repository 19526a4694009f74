// Returns the limits that somebody set, in the order of their keys: at most $limit. Of a key that
// tasks have and nobody set a limit for, one is held at once.
// mode: read
// params: $limit: INTEGER
// returns: limit
CYPHER 5
MATCH (x:Limit) USING INDEX SEEK x:Limit(key)
WHERE x.key >= '' AND CASE WHEN x.interval_seconds IS NOT NULL THEN true
  ELSE x.unset IS NULL AND x.max IS NOT NULL
END
WITH x ORDER BY x.key LIMIT $limit
RETURN properties(x) AS limit
