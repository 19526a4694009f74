// Deletes tasks, which the caller has locked, with their events and edges.
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
DETACH DELETE t
RETURN count(*) AS deleted
