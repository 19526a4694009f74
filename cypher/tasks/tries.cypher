// Returns the tries of a task, the first try first.
// mode: read
// params: $task_id: STRING
// returns: try
CYPHER 5
MATCH (t:Task {task_id: $task_id})-[r:ASSIGNED_TO]->(a)
WITH r, a ORDER BY r.attempt
RETURN INCLUDE tasks/try AS try
