// Stops a schedule, and takes $limit of the edges from its tasks away. The schedule goes with the
// last of them, so that no transaction grows with its history. No row means that there is none of
// that name.
// Locks: the schedule.
// mode: write
// params: $schedule: STRING, $limit: INTEGER, $command_id: STRING
// returns: gone
CYPHER 5
MATCH (s:Schedule {name: $schedule})
SET s.lk = $command_id
REMOVE s.next_at
WITH s
CALL (s) {
  MATCH (s)<-[r:OF_SCHEDULE]-(:Task)
  WITH r LIMIT $limit
  DELETE r
  RETURN count(*) AS taken
}
FOREACH (_ IN CASE WHEN taken < $limit THEN [1] ELSE [] END | DETACH DELETE s)
RETURN taken < $limit AS gone
