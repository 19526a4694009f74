// failed or cancelled -> pending: a person's redrive. Retries start again at 0, the history stays.
// No row: refused.
// mode: write
// params: task_id, command_id
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = $command_id  // lock, then read
WITH t, datetime() AS now
WHERE t.status IN ['failed', 'cancelled']
REMOVE t:FailedTask:CancelledTask, t.assigned_to, t.assigned_at, t.started_at, t.completed_at,
       t.error_message, t.success
SET t:PendingTask,
    t.status = 'pending',
    t.retry_count = 0,
    t.events = t.events + 1
SET t += CASE
  WHEN t.unmet > 0 THEN {}
  WHEN t.available_at > now THEN {due_at: t.available_at}
  ELSE {ready_key: t.queue_key}
END
FOREACH (_ IN CASE WHEN t.unmet > 0 THEN [1] ELSE [] END | SET t:BlockedTask)
FOREACH (_ IN CASE WHEN t.due_at IS NULL THEN [] ELSE [1] END | SET t:DelayedTask)
CREATE (t)-[:HAS_EVENT]->(:TaskEvent {
  event_id: $command_id, task_id: t.task_id, type: 'retried', at: now, attempt: t.attempt,
  seq: t.events, command_id: $command_id
})
RETURN properties(t) AS task, [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]] AS dependencies
