// Returns the lanes after a place in the order of their keys, a page at a time.
// mode: read
// seconds: 120
// params: $after: STRING, $limit: INTEGER
// returns: key, skills, concurrency_key, composed_concurrency_key
CYPHER 5
MATCH (l:Lane) USING INDEX SEEK l:Lane(key)
WHERE l.key > $after
RETURN l.key AS key, l.skills AS skills, l.concurrency_key AS concurrency_key,
       normalize(l.concurrency_key) AS composed_concurrency_key
ORDER BY key LIMIT $limit
