// Returns the tries of some tasks, the first try first, without their tracebacks, which are long.
// mode: read
// seconds: 120
// params: $task_ids: LIST<STRING>
// returns: task_id, tries
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
CALL (t) {
  MATCH (t)-[r:ASSIGNED_TO]->(a)
  WITH r, a ORDER BY r.attempt
  RETURN collect(INCLUDE tasks/try) AS tries
}
RETURN t.task_id AS task_id, [it IN tries | it {.*, traceback: null}] AS tries
