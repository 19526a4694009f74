// Tasks that some agents hold or had last, that pass the other filters, oldest first.
// mode: read
// params: limit, cursor_at, cursor_id, created_from, created_before, statuses, agent_ids, task_types, priorities, requirements, finished_after, finished_before
// returns: tasks, edges, left
CYPHER 5
UNWIND $agent_ids AS agent_id
UNWIND coalesce($statuses, ['assigned', 'running', 'completed', 'failed', 'cancelled']) AS status
CALL (agent_id, status) {
  MATCH (t:Task) USING INDEX SEEK t:Task(assigned_to, status, created_at)
  WHERE t.assigned_to = agent_id AND t.status = status
    AND t.created_at >= $created_from AND t.created_at < $created_before
// include tasks/query_rest
    RETURN t ORDER BY t.assigned_to, t.status, t.created_at, t.task_id LIMIT $limit
}
WITH t ORDER BY t.created_at, t.task_id LIMIT $limit
WITH collect(t) AS answered
// include tasks/answers
RETURN tasks, edges, left
