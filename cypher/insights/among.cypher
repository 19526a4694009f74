// Returns tasks by their ids, with what they depend on. Ids of tasks that do not exist are left
// out.
// mode: read
// seconds: 120
// params: $task_ids: LIST<STRING>
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata,
//   dependencies
CYPHER 5
UNWIND $task_ids AS id
MATCH (x:Task {task_id: id})
RETURN INCLUDE insights/facts
