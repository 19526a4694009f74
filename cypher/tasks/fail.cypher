// assigned or running -> pending while retries are left and wanted, else -> failed: free the
// agent's slot and, unless it is $blameless, count the failure. No row: refused.
// delay = min(initial * multiplier ^ retry_count, max) * (1 ± jitter) seconds, unless it is given.
// mode: write
// params: task_id, attempt, error, traceback, detail, should_retry, error_types, delay, exclude_agent, blameless, command_id
// returns: task, dependencies, cascade
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (a:Agent {agent_id: t.assigned_to})
SET a.lk = $command_id  // lock the agent, the limit, then the task
WITH t, a
CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.lk = $command_id }
SET t.lk = $command_id
WITH t, a, datetime.realtime() AS now
WHERE t.status IN ['assigned', 'running'] AND t.attempt = coalesce($attempt, t.attempt)
MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt
CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.active = x.active - 1 }
WITH t, a, r, now, $error AS error, $detail AS detail, 'failed' AS outcome, $delay AS asked,
     $command_id AS event_id, $blameless AS blameless,
     $should_retry AND t.retry_count < t.max_retries
       AND NOT any(type IN $error_types WHERE type IN coalesce(t.non_retryable, [])) AS again
// include tasks/retry_delay
SET t.excluded_agents = CASE WHEN $exclude_agent
      THEN coalesce(t.excluded_agents, []) + [a.agent_id] ELSE t.excluded_agents END,
    a.last_seen_at = now,
    r.traceback = $traceback
// include tasks/count_failure
// include tasks/end_try
RETURN
// include tasks/answer
  , t.status = 'failed' AND t.due_at IS NOT NULL AS cascade
