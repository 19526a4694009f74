// Finds tasks that the queue must look at and could not, with the reason. With $nodes it lets the
// queue look at these again now, and locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (t:PutAsideTask)
WHERE ($nodes IS NULL OR t.task_id IN $nodes) AND t.due_at IS NOT NULL
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END |
  SET t.lk = $command_id, t.due_at = datetime()
  REMOVE t:PutAsideTask)
RETURN t.task_id AS node, 'looked at when it was due' AS expected, t.put_aside_error AS found
