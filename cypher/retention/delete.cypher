// Deletes tasks, which the caller has locked, with their events, steps, edges, and the gates that
// their handlers made.
// mode: write
// seconds: 120
// params: $task_ids: LIST<STRING>
// returns: deleted
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
CALL (t) {
  MATCH (t)-[:HAS_EVENT]->(e:TaskEvent)
  DETACH DELETE e
}
CALL (t) {
  MATCH (t)-[:HAS_STEP]->(s:Step)
  DETACH DELETE s
}
CALL (t) {
  MATCH (t)-[w:WAITS_FOR]->(g:Gate) WHERE w.key IS NOT NULL
  DETACH DELETE g
}
DETACH DELETE t
RETURN count(*) AS deleted
