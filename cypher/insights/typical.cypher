// Returns how many seconds tasks of some types take: the mean of those that were completed, among
// the latest 1,000 of each type.
// mode: read
// seconds: 120
// params: $task_types: LIST<STRING>
// returns: task_type, seconds
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
