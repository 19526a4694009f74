// Returns a schedule and the time of the server, in one row. The schedule is null where there is
// none of that name.
// mode: read
// params: $schedule: STRING
// returns: schedule, now
CYPHER 5
OPTIONAL MATCH (s:Schedule {name: $schedule})
RETURN properties(s) AS schedule, datetime() AS now
