// Begins the work on a task, assigned -> running. No row means that this was refused.
// Locks: the task.
// mode: write
// params: $task_id: STRING, $attempt: INTEGER, $command_id: STRING
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = 0  // Lock, then read.
WITH t, datetime.realtime() AS now
WHERE t.status = 'assigned' AND t.attempt = coalesce($attempt, t.attempt)
MATCH (t)-[r:ASSIGNED_TO]->(a:Agent) WHERE r.attempt = t.attempt
WITH t, r, a, now, 0 AS ran_ms, $command_id AS event_id, $command_id AS command_id
INCLUDE tasks/began
INCLUDE tasks/due
RETURN INCLUDE tasks/answer
