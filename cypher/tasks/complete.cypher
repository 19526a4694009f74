// running -> completed: keep the result, free the agent's slot, count the success, and release the
// tasks that waited for this one. No row: refused.
// mode: write
// params: task_id, attempt, result, metrics, duration_ms, command_id
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (a:Agent {agent_id: t.assigned_to})
SET a.lk = $command_id  // lock the agent, then the task, then (below) the dependents, ascending
WITH t, a
SET t.lk = $command_id
WITH t, a, datetime() AS now
WHERE t.status = 'running' AND t.attempt = coalesce($attempt, t.attempt)
// assigned_to was read before the lock; this edge is read after it, and says who holds the task.
MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt
WITH t, a, r, now, t.started_at AS began, a.total_completed AS done, a.total_failed AS failed
WITH t, a, r, now, done, failed, coalesce($duration_ms,
  (now.epochSeconds - began.epochSeconds) * 1000.0 + (now.nanosecond - began.nanosecond) / 1e6
) AS duration_ms
REMOVE t:RunningTask, t.lease_expires_at, t.error_message
SET t:CompletedTask,
    t.status = 'completed',
    t.completed_at = now,
    t.result = $result,
    t.metrics = $metrics,
    t.execution_duration_ms = duration_ms,
    t.success = true,
    t.events = t.events + 1,
    r.ended_at = now,
    r.outcome = 'completed',
    a.active_tasks = a.active_tasks - 1,
    a.total_completed = done + 1,
    a.success_rate = toFloat(done + 1) / (done + 1 + failed),
    a.avg_completion_ms = (a.avg_completion_ms * done + duration_ms) / (done + 1),
    a.queue_completed = a.queue_completed + 1,
    a.queue_ms = a.queue_ms + duration_ms,
    a.last_seen_at = now
CREATE (t)-[:HAS_EVENT]->(:TaskEvent {
  event_id: $command_id, task_id: t.task_id, type: 'completed', at: now, attempt: t.attempt,
  seq: t.events, agent_id: a.agent_id, command_id: $command_id
})
WITH t, now
CALL (t, now) {
  MATCH (t)<-[:DEPENDS_ON]-(d:Task)
  WITH d, now ORDER BY d.task_id
  SET d.lk = $command_id
  WITH d, now
  WITH d, d.unmet - 1 AS unmet, d.available_at > now AS delayed, d.status = 'pending' AS pending
  SET d += CASE
    WHEN unmet > 0 OR NOT pending THEN {unmet: unmet}
    WHEN delayed THEN {unmet: unmet, due_at: d.available_at}
    ELSE {unmet: unmet, ready_key: d.queue_key}
  END
  FOREACH (_ IN CASE WHEN pending AND unmet = 0 THEN [1] ELSE [] END | REMOVE d:BlockedTask)
  FOREACH (_ IN CASE WHEN pending AND unmet = 0 AND delayed THEN [1] ELSE [] END | SET d:DelayedTask)
}
RETURN properties(t) AS task, [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]] AS dependencies
