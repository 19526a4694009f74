// Finds pending tasks that have no ready_key though nothing holds them back, or do not bear the
// label of what does. With $nodes it puts these right, and locks them first.
// mode: write
// seconds: 3600
// params: $nodes: LIST<STRING>, $command_id: STRING
// returns: node, expected, found
CYPHER 5
MATCH (t:PendingTask) WHERE $nodes IS NULL OR t.task_id IN $nodes
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END | SET t.lk = $command_id)
WITH t
WITH t, CASE
    WHEN t.unmet > 0 THEN 'blocked'
    WHEN t:DelayedTask THEN 'delayed'  // It is, until the queue looks at it, however late.
    WHEN t.available_at > datetime() THEN 'delayed'
    ELSE 'ready'
  END AS expected, CASE
    WHEN t:BlockedTask AND NOT t:DelayedTask AND t.ready_key IS NULL THEN 'blocked'
    WHEN t:DelayedTask AND NOT t:BlockedTask AND t.ready_key IS NULL AND t.due_at IS NOT NULL
      THEN 'delayed'
    WHEN t.ready_key IS NOT NULL AND NOT t:BlockedTask AND NOT t:DelayedTask THEN 'ready'
    ELSE 'contradictory'
  END AS found
WHERE expected <> found
  AND NOT EXISTS {  // it is about to be cancelled, see workflows/cancel_tasks
    MATCH (w:Workflow {workflow_id: t.workflow_id}) WHERE w.cancelled_at IS NOT NULL
  }
FOREACH (_ IN CASE WHEN $nodes IS NOT NULL THEN [1] ELSE [] END |
  REMOVE t:BlockedTask:DelayedTask)
WITH t, expected, found
CALL (t) {
  WITH t, datetime() AS now WHERE $nodes IS NOT NULL
  INCLUDE tasks/ready_again
}
RETURN t.task_id AS node, expected, found
