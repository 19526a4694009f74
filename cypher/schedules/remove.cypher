// Stop a schedule, and take `limit` of the edges from its tasks away; it goes with the last of them,
// so that no transaction grows with its history. No row: there is none.
// mode: write
// params: schedule, limit, command_id
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
