// Make delayed tasks ready whose time has come, a batch of them; ends when it returns fewer.
// mode: write
// params: limit, command_id
// returns: found
CYPHER 5
MATCH (t:Task) USING INDEX t:Task(due_at)
WHERE t.due_at <= datetime()
WITH t ORDER BY t.due_at LIMIT $limit
WITH t ORDER BY t.task_id
SET t.lk = $command_id  // lock ascending, then read again: it may have been taken or blocked
WITH t, t.status = 'pending' AND t.unmet = 0 AS ready
REMOVE t.due_at
FOREACH (_ IN CASE WHEN ready THEN [1] ELSE [] END |
  SET t.ready_key = t.queue_key
  REMOVE t:DelayedTask)
RETURN count(t) AS found
