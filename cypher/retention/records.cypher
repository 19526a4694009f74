// Everything about tasks that is to be kept elsewhere: their tries and their events too.
// mode: read
// params: task_ids
// returns: task, dependencies, tries, events
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
CALL (t) {
  MATCH (t)-[:HAS_EVENT]->(e:TaskEvent)
  WITH e ORDER BY e.seq
  RETURN collect(
  // include events/row
  ) AS events
}
RETURN
// include tasks/answer
  , tries, events
