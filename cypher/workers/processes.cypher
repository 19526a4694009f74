// Returns how many processes have workers that live.
// mode: read
// returns: processes
CYPHER 5
MATCH (w:Worker)
WHERE w.last_seen_at + duration('PT1S') * (3 * w.beat_seconds) > datetime()
RETURN count(DISTINCT w.hostname + ' ' + toString(w.pid)) AS processes
