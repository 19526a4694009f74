// Tasks that the queue must look at, and could not, with the reason. Repairing lets it look again now.
// mode: write
// seconds: 3600
// params: nodes, command_id
// returns: node, expected, found
CYPHER 5
MATCH (t:PutAsideTask)
WHERE ($nodes IS NULL OR t.task_id IN $nodes) AND t.due_at IS NOT NULL
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END |
  SET t.lk = $command_id, t.due_at = datetime()
  REMOVE t:PutAsideTask)
RETURN t.task_id AS node, 'looked at when it was due' AS expected, t.put_aside_error AS found
