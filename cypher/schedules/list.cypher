// Returns all schedules, in the order of their names.
// mode: read
// returns: schedule
CYPHER 5
MATCH (s:Schedule)
RETURN properties(s) AS schedule ORDER BY s.name
