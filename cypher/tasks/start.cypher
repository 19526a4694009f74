// assigned -> running. No row: refused.
// mode: write
// params: task_id, attempt, command_id
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = 0  // lock, then read
WITH t, datetime.realtime() AS now
WHERE t.status = 'assigned' AND t.attempt = coalesce($attempt, t.attempt)
MATCH (t)-[r:ASSIGNED_TO]->(a:Agent) WHERE r.attempt = t.attempt
WITH t, r, a, now, 0 AS ran_ms, $command_id AS event_id, $command_id AS command_id
// include tasks/began
// include tasks/due
RETURN
// include tasks/answer
