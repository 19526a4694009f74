// The tries of a task, the first first.
// mode: read
// params: task_id
// returns: try
CYPHER 5
MATCH (t:Task {task_id: $task_id})-[r:ASSIGNED_TO]->(a)
WITH r, a ORDER BY r.attempt
RETURN
// include tasks/try
  AS try
