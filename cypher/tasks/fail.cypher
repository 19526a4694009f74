// assigned or running -> pending while retries are left and wanted, else -> failed: free the
// agent's slot and count the failure. No row: refused.
// mode: write
// params: task_id, attempt, error, error_json, should_retry, command_id
// returns: task, dependencies, cascade
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (a:Agent {agent_id: t.assigned_to})
SET a.lk = $command_id  // lock the agent, then the task
WITH t, a
SET t.lk = $command_id
WITH t, a, datetime() AS now
WHERE t.status IN ['assigned', 'running'] AND t.attempt = coalesce($attempt, t.attempt)
MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt
WITH t, a, r, now, $should_retry AND t.retry_count < t.max_retries AS again,
     a.total_completed AS done, a.total_failed AS failed
REMOVE t:AssignedTask:RunningTask, t.lease_expires_at
SET t.retry_count = t.retry_count + 1,
    t.error_message = $error,
    t.events = t.events + 1,
    r.ended_at = now,
    r.outcome = 'failed',
    r.error = $error,
    a.active_tasks = a.active_tasks - 1,
    a.total_failed = failed + 1,
    a.success_rate = toFloat(done) / (done + failed + 1),
    a.last_seen_at = now
CREATE (t)-[:HAS_EVENT]->(:TaskEvent {
  event_id: $command_id, task_id: t.task_id, at: now, attempt: t.attempt, seq: t.events,
  type: CASE WHEN again THEN 'try_failed' ELSE 'failed' END,
  agent_id: a.agent_id, command_id: $command_id, detail: $error_json
})
SET t += CASE WHEN again
  THEN {status: 'pending', ready_key: t.queue_key, assigned_to: null, assigned_at: null,
        started_at: null}
  ELSE {status: 'failed', completed_at: now, success: false}
END
FOREACH (_ IN CASE WHEN again THEN [1] ELSE [] END | SET t:PendingTask)
FOREACH (_ IN CASE WHEN again THEN [] ELSE [1] END | SET t:FailedTask)
RETURN properties(t) AS task,
       [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]] AS dependencies,
       NOT again AND EXISTS { (t)<-[:DEPENDS_ON]-(:PendingTask {on_dependency_failure: 'cancel'}) }
         AS cascade
