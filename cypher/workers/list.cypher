// Returns the worker processes and what they hold. A process that missed three beats does not live.
// mode: read
// returns: worker, is_live, task_ids
CYPHER 5
MATCH (w:Worker)
CALL (w) {
  UNWIND ['assigned', 'running'] AS status
  MATCH (t:Task) USING INDEX SEEK t:Task(assigned_to, status, created_at)
  WHERE t.assigned_to = w.agent_id AND t.status = status AND t.created_at IS NOT NULL
    AND t.worker_id = w.worker_id
  WITH t ORDER BY t.created_at
  RETURN collect(t.task_id) AS task_ids
}
RETURN properties(w) AS worker,
       w.last_seen_at + duration('PT1S') * (3 * w.beat_seconds) > datetime() AS is_live, task_ids
ORDER BY w.started_at
