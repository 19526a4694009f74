// One task.
// mode: read
// params: task_id
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
RETURN
// include tasks/answer
