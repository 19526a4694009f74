// The tasks that the queue must look at now, those that waited longest first.
// mode: read
// params: limit
// returns: task_ids
CYPHER 5
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(due_at)
  WHERE t.due_at <= datetime()
  RETURN t.task_id AS task_id ORDER BY t.due_at LIMIT $limit
}
RETURN collect(task_id) AS task_ids
