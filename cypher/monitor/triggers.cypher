// Returns the triggers of which firings failed, or were stopped, within a day, with why the last did;
// $limit at most.
// mode: read
// params: $limit: INTEGER
// returns: name, number, error
CYPHER 5
MATCH (f:Firing:FailedFiring) USING INDEX SEEK f:Firing(finished_at)
WHERE f.finished_at > datetime.realtime() - duration('P1D')
WITH f ORDER BY f.finished_at DESC LIMIT 1000
WITH f.trigger AS name, count(*) AS number, head(collect(f.error)) AS error
RETURN name, number, error ORDER BY number DESC, name LIMIT $limit
