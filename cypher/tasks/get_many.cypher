// Returns tasks by their ids, in the order of these. Ids of tasks that do not exist are left out.
// mode: read
// params: $task_ids: LIST<STRING>
// returns: tasks, edges, left
CYPHER 5
CALL () {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})
  RETURN collect(t) AS answered
}
INCLUDE tasks/answers
RETURN tasks, edges, left
