// A schedule, and the server's time. One row: the schedule is null where there is none.
// mode: read
// params: schedule
// returns: schedule, now
CYPHER 5
OPTIONAL MATCH (s:Schedule {name: $schedule})
RETURN properties(s) AS schedule, datetime() AS now
