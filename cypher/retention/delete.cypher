// Delete tasks, which are locked, with their events and edges.
// mode: write
// params: task_ids
// returns: deleted
// seconds: 120
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
CALL (t) {
  MATCH (t)-[:HAS_EVENT]->(e:TaskEvent)
  DETACH DELETE e
}
DETACH DELETE t
RETURN count(*) AS deleted
