// Ends a try that failed, assigned or running -> pending while retries are left and wanted, else ->
// failed. It frees the slot of the agent and, unless $blameless, counts the failure. No row means
// that this was refused. The next try comes after min(initial * multiplier ^ retry_count, max) * (1
// ± jitter) seconds, unless $delay says when.
// Locks: the agent, the limit, the task.
// mode: write
// params: $task_id: STRING, $attempt: INTEGER, $error: STRING, $traceback: STRING, $detail: STRING,
//   $should_retry: BOOLEAN, $error_types: LIST<STRING>, $delay: FLOAT, $exclude_agent: BOOLEAN,
//   $blameless: BOOLEAN, $used: LIST<INTEGER>, $command_id: STRING
// returns: task, dependencies, cascade
CYPHER 5
INCLUDE tasks/lock_held
WITH t, a, r, now, $error AS error, $detail AS detail, null AS reason,
     'failed' AS outcome, $delay AS asked, $command_id AS event_id, $blameless AS blameless,
     $should_retry AND t.retry_count < t.max_retries
       AND NOT any(type IN $error_types WHERE type IN coalesce(t.non_retryable, [])) AS again
INCLUDE tasks/retry_delay
SET t.excluded_agents = CASE WHEN $exclude_agent
      THEN coalesce(t.excluded_agents, []) + [a.agent_id] ELSE t.excluded_agents END,
    a.last_seen_at = now,
    r.traceback = $traceback,
    r.used = coalesce($used, r.used)
INCLUDE tasks/count_failure
INCLUDE tasks/end_try
RETURN INCLUDE tasks/answer, t.status = 'failed' AND t.due_at IS NOT NULL AS cascade
