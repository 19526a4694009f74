// Returns the schedules whose next tick has come by the clock of the server, those that waited
// longest first.
// mode: read
// params: $limit: INTEGER
// returns: schedule, now
CYPHER 5
MATCH (s:Schedule) USING INDEX SEEK s:Schedule(next_at)
WHERE s.next_at <= datetime()
RETURN properties(s) AS schedule, datetime() AS now ORDER BY s.next_at LIMIT $limit
