// Tasks that require one of some skills and pass the other filters, oldest first.
// mode: read
// params: limit, cursor_at, cursor_id, created_from, created_before, statuses, agent_ids, task_types, priorities, requirements, finished_after, finished_before
// returns: tasks, edges, left
CYPHER 5
CALL () {
  UNWIND $requirements AS key
  MATCH (:Skill {key: key})<-[:REQUIRES]-(t:Task)
  WHERE t.created_at >= $created_from AND t.created_at < $created_before
// include tasks/query_rest
    RETURN DISTINCT t ORDER BY t.created_at, t.task_id LIMIT $limit
}
WITH t ORDER BY t.created_at, t.task_id LIMIT $limit
WITH collect(t) AS answered
// include tasks/answers
RETURN tasks, edges, left
