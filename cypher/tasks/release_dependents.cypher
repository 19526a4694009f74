// Counts again what tasks wait for that depend on a completed one: $limit of them, in the order of
// their ids, after the last that was looked at. Those that wait for nothing more become ready.
// While there are more, the completed task comes due again in $again_seconds. No row means that
// nothing is left. Counting again, rather than subtracting, may be done twice; whoever completes
// another dependency holds the lock of the dependent while it subtracts.
// Locks: the completed task, then its dependents, ascending.
// mode: write
// seconds: 60
// params: $task_id: STRING, $limit: INTEGER, $again_seconds: FLOAT, $command_id: STRING
// returns: released
CYPHER 5
MATCH (d:Task {task_id: $task_id})
SET d.lk = $command_id
WITH d WHERE d.status = 'completed' AND d.due_at IS NOT NULL
CALL (d) {
  MATCH (d)<-[:DEPENDS_ON|AWAITS]-(t:Task)
  WHERE t.task_id > coalesce(d.released_to, '')
  WITH DISTINCT t ORDER BY t.task_id LIMIT $limit
  SET t.lk = 0
  RETURN collect(t) AS dependents
}
CALL (dependents) {
  UNWIND dependents AS t
  SET t.unmet = INCLUDE tasks/count_unmet
  WITH t, datetime.realtime() AS now
  WHERE t.status = 'pending' AND t.unmet = 0 AND t:BlockedTask
  INCLUDE tasks/ready_again
}
REMOVE d:PutAsideTask
FOREACH (_ IN CASE WHEN size(dependents) < $limit THEN [1] ELSE [] END |
  REMOVE d.due_at, d.released_to)
FOREACH (_ IN CASE WHEN size(dependents) = $limit THEN [1] ELSE [] END |
  SET d.released_to = dependents[-1].task_id,
      d.due_at = datetime.realtime() + duration('PT1S') * $again_seconds)
RETURN size(dependents) AS released
