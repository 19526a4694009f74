// pending -> cancelled for tasks that were just created or joined to a dependency that had failed.
// mode: write
// params: task_ids, command_id
// returns: task_id
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
SET t.lk = $command_id
WITH t, datetime() AS now
WHERE t.status = 'pending'
MATCH (t)-[:DEPENDS_ON]->(c:Task) WHERE c.status IN ['failed', 'cancelled']
WITH t, now, min(c.task_id) AS cause
REMOVE t:PendingTask:BlockedTask:DelayedTask, t.ready_key, t.due_at
SET t:CancelledTask,
    t.status = 'cancelled',
    t.completed_at = now,
    t.error_message = 'dependency ' + cause + ' failed or was cancelled',
    t.events = t.events + 1
CREATE (t)-[:HAS_EVENT]->(:TaskEvent {
  event_id: $command_id + ':' + t.task_id, task_id: t.task_id, type: 'cancelled', at: now,
  attempt: t.attempt, seq: t.events, command_id: $command_id,
  detail: '{"dependency":"' + cause + '"}'
})
RETURN t.task_id AS task_id
