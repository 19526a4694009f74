// Returns tasks that ended in a range of time and pass the other filters, the oldest first.
// mode: read
// params: $limit: INTEGER, $cursor_at: ZONED DATETIME, $cursor_id: STRING,
//   $created_from: ZONED DATETIME, $created_before: ZONED DATETIME, $statuses: LIST<STRING>,
//   $agent_ids: LIST<STRING>, $task_types: LIST<STRING>, $priorities: LIST<STRING>,
//   $requirements: LIST<STRING>, $workflow_ids: LIST<STRING>, $finished_after: ZONED DATETIME, $finished_before: ZONED DATETIME,
//   $finished_from: ZONED DATETIME, $finished_to: ZONED DATETIME
// returns: tasks, edges, left
CYPHER 5
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(completed_at)
  WHERE t.completed_at >= $finished_from AND t.completed_at < $finished_to
    AND t.created_at >= $created_from AND t.created_at < $created_before
    AND INCLUDE tasks/query_rest
  RETURN t ORDER BY t.created_at, t.task_id LIMIT $limit
}
WITH t ORDER BY t.created_at, t.task_id LIMIT $limit
WITH collect(t) AS answered
INCLUDE tasks/answers
RETURN tasks, edges, left
