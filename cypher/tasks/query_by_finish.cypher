// Tasks that ended in a range of time and pass the other filters, oldest first.
// mode: read
// params: limit, cursor_at, cursor_id, created_from, created_before, statuses, agent_ids, task_types, priorities, requirements, finished_after, finished_before, finished_from, finished_to
// returns: tasks, edges, left
CYPHER 5
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(completed_at)
  WHERE t.completed_at >= $finished_from AND t.completed_at < $finished_to
    AND t.created_at >= $created_from AND t.created_at < $created_before
// include tasks/query_rest
    RETURN t ORDER BY t.created_at, t.task_id LIMIT $limit
}
WITH t ORDER BY t.created_at, t.task_id LIMIT $limit
WITH collect(t) AS answered
// include tasks/answers
RETURN tasks, edges, left
