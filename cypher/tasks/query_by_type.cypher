// Tasks of some types that pass the other filters, oldest first.
// mode: read
// params: limit, cursor_at, cursor_id, created_from, created_before, statuses, agent_ids, task_types, priorities, requirements, finished_after, finished_before
// returns: tasks, edges, left
CYPHER 5
UNWIND $task_types AS task_type
CALL (task_type) {
  MATCH (t:Task) USING INDEX SEEK t:Task(task_type, created_at)
  WHERE t.task_type = task_type AND t.created_at >= $created_from AND t.created_at < $created_before
// include tasks/query_rest
    RETURN t ORDER BY t.task_type, t.created_at, t.task_id LIMIT $limit
}
WITH t ORDER BY t.created_at, t.task_id LIMIT $limit
WITH collect(t) AS answered
// include tasks/answers
RETURN tasks, edges, left
