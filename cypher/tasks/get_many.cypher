// Tasks by their ids, those that exist, in their order.
// mode: read
// params: task_ids
// returns: tasks, edges, left
CYPHER 5
CALL () {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})
  RETURN collect(t) AS answered
}
// include tasks/answers
RETURN tasks, edges, left
