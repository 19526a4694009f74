// A pending task has a ready_key when nothing holds it back, and the label of what does otherwise.
// mode: write
// params: repair, command_id
// returns: node, expected, found
CYPHER 5
MATCH (t:PendingTask)
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END | SET t.lk = $command_id)
WITH t
WITH t, CASE
    WHEN t.unmet > 0 THEN 'blocked'
    WHEN t.ready_key IS NULL AND t.available_at > datetime() THEN 'delayed'
    WHEN t.due_at IS NOT NULL THEN 'delayed'
    ELSE 'ready'
  END AS expected, CASE
    WHEN t:BlockedTask AND t.ready_key IS NULL AND t.due_at IS NULL THEN 'blocked'
    WHEN t:DelayedTask AND t.ready_key IS NULL AND t.due_at IS NOT NULL THEN 'delayed'
    WHEN t.ready_key IS NOT NULL AND NOT t:BlockedTask AND NOT t:DelayedTask THEN 'ready'
    ELSE 'contradictory'
  END AS found
WHERE expected <> found
FOREACH (_ IN CASE WHEN $repair THEN [1] ELSE [] END |
  REMOVE t:BlockedTask:DelayedTask, t.ready_key, t.due_at)
FOREACH (_ IN CASE WHEN $repair AND expected = 'blocked' THEN [1] ELSE [] END | SET t:BlockedTask)
FOREACH (_ IN CASE WHEN $repair AND expected = 'delayed' THEN [1] ELSE [] END |
  SET t:DelayedTask, t.due_at = t.available_at)
FOREACH (_ IN CASE WHEN $repair AND expected = 'ready' THEN [1] ELSE [] END |
  SET t.ready_key = t.queue_key)
RETURN t.task_id AS node, expected, found
