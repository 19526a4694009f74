// How long tasks of some types took: of the latest 1,000 of each, the mean of those completed.
// mode: read
// params: task_types
// returns: task_type, seconds
// seconds: 120
CYPHER 5
UNWIND $task_types AS task_type
CALL (task_type) {
  MATCH (t:Task) USING INDEX SEEK t:Task(task_type, created_at)
  WHERE t.task_type = task_type AND t.created_at IS NOT NULL
  WITH t ORDER BY t.task_type DESC, t.created_at DESC LIMIT 1000
  WITH t WHERE t.status = 'completed'
  RETURN avg(t.execution_duration_ms) / 1000 AS seconds
}
WITH task_type, seconds WHERE seconds IS NOT NULL
RETURN task_type, seconds
