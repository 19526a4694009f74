// Finds live tasks whose due_at is not the soonest of the times that the queue must look at them.
// With $nodes it puts these right, and locks them first. A task that was put aside is due later on
// purpose.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (t:PendingTask|AssignedTask|RunningTask)
WHERE ($nodes IS NULL OR t.task_id IN $nodes) AND NOT t:PutAsideTask
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET t.lk = $command_id)
WITH t
WITH t, t.due_at AS found, INCLUDE tasks/soonest AS expected
WHERE coalesce(toString(expected), '') <> coalesce(toString(found), '')
CALL (t) {
  WITH t WHERE $nodes IS NOT NULL
  INCLUDE tasks/due
}
RETURN t.task_id AS node, toString(expected) AS expected, toString(found) AS found
