// Counts work that an agent did outside the queue. Such work leaves no event by which a repeated
// command would be known, so the agent remembers its last fifty commands, and counts none of them
// twice.
// Locks: the agent.
// mode: write
// params: $agent_id: STRING, $success: BOOLEAN, $duration_ms: FLOAT, $metrics: STRING,
//   $command_id: STRING
// returns: agent, names
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
SET a.lk = $command_id
WITH a, a.total_completed AS done, a.total_failed AS failed,
     $command_id IN coalesce(a.recent_commands, []) AS applied
FOREACH (_ IN CASE WHEN applied THEN [] ELSE [1] END |
  SET a.total_completed = done + CASE WHEN $success THEN 1 ELSE 0 END,
      a.total_failed = failed + CASE WHEN $success THEN 0 ELSE 1 END,
      a.success_rate = (done + CASE WHEN $success THEN 1.0 ELSE 0.0 END) / (done + failed + 1),
      a.avg_completion_ms = CASE WHEN $success
        THEN (a.avg_completion_ms * done + $duration_ms) / (done + 1)
        ELSE a.avg_completion_ms END,
      a.last_metrics = $metrics,
      a.last_seen_at = datetime(),
      a.recent_commands = ([$command_id] + coalesce(a.recent_commands, []))[..50])
RETURN INCLUDE agents/answer
