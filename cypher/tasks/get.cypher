// Returns one task. No row means that there is no such task.
// mode: read
// params: $task_id: STRING
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
RETURN INCLUDE tasks/answer
