// Returns what the queue must look at now, that which waited longest first: live tasks; and tasks
// that have ended, and whose dependents are still to be cancelled (`broken`) or released
// (`completed`).
// mode: read
// params: $limit: INTEGER
// returns: live, broken, completed
CYPHER 5
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(due_at)
  WHERE t.due_at <= datetime() AND t.status IN ['pending', 'assigned', 'running']
  WITH t ORDER BY t.due_at LIMIT $limit
  RETURN collect(t.task_id) AS live
}
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(due_at)
  WHERE t.due_at <= datetime() AND t.status IN ['completed', 'failed', 'cancelled']
  WITH t ORDER BY t.due_at LIMIT $limit
  RETURN collect(t) AS ended
}
RETURN live, [t IN ended WHERE t.status <> 'completed' | t.task_id] AS broken,
       [t IN ended WHERE t.status = 'completed' | t.task_id] AS completed
