// Returns the first event from a place in the log on, and its time in microseconds since 1970.
// mode: read
// params: $position: INTEGER
// returns: position, at
CYPHER 5
MATCH (e:TaskEvent) USING INDEX SEEK e:TaskEvent(position)
WHERE e.position >= $position
RETURN e.position AS position, e.at.epochSeconds * 1000000 + e.at.microsecond AS at
ORDER BY e.position LIMIT 1
