// When the queue must look at a live task again, against the times that say so.
// mode: write
// seconds: 3600
// params: nodes, command_id
// returns: node, expected, found
CYPHER 5
MATCH (t:PendingTask|AssignedTask|RunningTask)
WHERE ($nodes IS NULL OR t.task_id IN $nodes) AND NOT t:PutAsideTask
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET t.lk = $command_id)
WITH t
WITH t, t.due_at AS found,
// include tasks/soonest
AS expected
WHERE coalesce(toString(expected), '') <> coalesce(toString(found), '')
CALL (t) {
  WITH t WHERE $nodes IS NOT NULL
  // include tasks/due
}
RETURN t.task_id AS node, toString(expected) AS expected, toString(found) AS found
