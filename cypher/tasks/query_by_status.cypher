// Returns tasks of some statuses that pass the other filters, the oldest first.
// mode: read
// params: $limit: INTEGER, $cursor_at: ZONED DATETIME, $cursor_id: STRING,
//   $created_from: ZONED DATETIME, $created_before: ZONED DATETIME, $statuses: LIST<STRING>,
//   $agent_ids: LIST<STRING>, $task_types: LIST<STRING>, $priorities: LIST<STRING>,
//   $requirements: LIST<STRING>, $workflow_ids: LIST<STRING>, $finished_after: ZONED DATETIME, $finished_before: ZONED DATETIME
// returns: tasks, edges, left
CYPHER 5
UNWIND $statuses AS status
CALL (status) {
  MATCH (t:Task) USING INDEX SEEK t:Task(status, created_at)
  WHERE t.status = status AND t.created_at >= $created_from AND t.created_at < $created_before
    AND INCLUDE tasks/query_rest
  RETURN t ORDER BY t.status, t.created_at, t.task_id LIMIT $limit
}
WITH t ORDER BY t.created_at, t.task_id LIMIT $limit
WITH collect(t) AS answered
INCLUDE tasks/answers
RETURN tasks, edges, left
