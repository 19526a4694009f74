// Returns all that is to be kept elsewhere of some tasks: their tries and their events too.
// mode: read
// seconds: 120
// params: $task_ids: LIST<STRING>
// returns: task, dependencies, tries, events
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
CALL (t) {
  MATCH (t)-[r:ASSIGNED_TO]->(a)
  WITH r, a ORDER BY r.attempt
  RETURN collect(INCLUDE tasks/try) AS tries
}
CALL (t) {
  MATCH (t)-[:HAS_EVENT]->(e:TaskEvent)
  WITH e ORDER BY e.seq
  RETURN collect(INCLUDE events/row) AS events
}
RETURN INCLUDE tasks/answer, tries, events
