// Tasks by their ids, those that exist.
// mode: read
// params: task_ids
// returns: task, dependencies
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
RETURN
// include tasks/answer
