// The best ready tasks, whoever can do them. `due`: the time of some tasks has come, and they are to
// be looked at first.
// mode: read
// params: task_types, limit
// returns: tasks, edges, left, due
CYPHER 5
// include tasks/is_due
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(ready_key)
  WHERE t.ready_key >= 0 AND ($task_types IS NULL OR t.task_type IN $task_types)
  WITH t ORDER BY t.ready_key LIMIT $limit
  RETURN collect(t) AS answered
}
// include tasks/answers
RETURN tasks, edges, left, due
