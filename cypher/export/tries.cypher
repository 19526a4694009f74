// The tries of some tasks, the first first, without their tracebacks, which are long.
// mode: read
// params: task_ids
// returns: task_id, tries
// seconds: 120
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
CALL (t) {
  MATCH (t)-[r:ASSIGNED_TO]->(a)
  WITH r, a ORDER BY r.attempt
  RETURN collect(
  // include tasks/try
  ) AS tries
}
RETURN t.task_id AS task_id, [it IN tries | it {.*, traceback: null}] AS tries
