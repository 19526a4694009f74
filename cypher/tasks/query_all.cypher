// Tasks that pass the filters, oldest first, along the index on their creation.
// mode: read
// params: limit, cursor_at, cursor_id, created_from, created_before, statuses, agent_ids, task_types, priorities, requirements, finished_after, finished_before
// returns: tasks, edges, left
CYPHER 5
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(created_at)
  WHERE t.created_at >= $created_from AND t.created_at < $created_before
// include tasks/query_rest
    RETURN t ORDER BY t.created_at, t.task_id LIMIT $limit
}
WITH t ORDER BY t.created_at, t.task_id LIMIT $limit
WITH collect(t) AS answered
// include tasks/answers
RETURN tasks, edges, left
