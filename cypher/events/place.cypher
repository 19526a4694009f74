// Returns the first event from a place in the log on that is no older than $since, and its time; times
// are microseconds since 1970. It reads events one by one until it finds that.
// mode: read
// params: $position: INTEGER, $since: INTEGER
// returns: position, at
CYPHER 5
MATCH (e:TaskEvent) USING INDEX SEEK e:TaskEvent(position)
WHERE e.position >= $position AND e.at.epochSeconds * 1000000 + e.at.microsecond >= $since
RETURN e.position AS position, e.at.epochSeconds * 1000000 + e.at.microsecond AS at
ORDER BY e.position LIMIT 1
