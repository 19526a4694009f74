// Tasks by their ids, those that exist, and what they depend on.
// mode: read
// params: task_ids
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata, dependencies
// seconds: 120
CYPHER 5
UNWIND $task_ids AS id
MATCH (x:Task {task_id: id})
RETURN
// include insights/facts
