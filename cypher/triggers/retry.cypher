// Lets the firings of a trigger be done again that failed or were stopped, $limit at most.
// Locks: the firings, ascending.
// mode: write
// params: $trigger: STRING, $limit: INTEGER
// returns: number
CYPHER 5
CALL () {
  MATCH (f:FailedFiring) USING INDEX SEEK f:FailedFiring(trigger)
  WHERE f.trigger = $trigger
  WITH f ORDER BY f.key LIMIT $limit
  RETURN collect(f) AS found
}
UNWIND found AS f
SET f.lk = 0
WITH f WHERE f:FailedFiring
REMOVE f:FailedFiring, f.finished_at
SET f:PendingFiring, f.status = 'pending', f.tries = 0, f.due_at = datetime.realtime()
RETURN count(f) AS number
