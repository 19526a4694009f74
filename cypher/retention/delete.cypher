// Deletes tasks, which the caller has locked, with their events, steps and edges. With the last
// task of a workflow goes that and its budget, and with the last task that waited at a gate the gate.
// Locks: the workflows, the gates; each kind ascending.
// mode: write
// seconds: 120
// params: $task_ids: LIST<STRING>
// returns: deleted
CYPHER 5
CALL () {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})-[:PART_OF]->(w:Workflow)
  WITH DISTINCT w ORDER BY w.workflow_id
  RETURN collect(w) AS flows
}
CALL () {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})-[:WAITS_FOR]->(g:Gate)
  WITH DISTINCT g ORDER BY g.gate_id
  RETURN collect(g) AS gates
}
CALL () {
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
  DETACH DELETE t
  RETURN count(*) AS deleted
}
CALL (flows) {
  UNWIND flows AS w
  SET w.lk = 0  // so that nobody adds a task while it is looked whether there is one
  WITH w WHERE w.writer IS NULL AND NOT EXISTS { (w)<-[:PART_OF]-(:Task) }
  OPTIONAL MATCH (w)-[:HAS_BUDGET]->(b:Budget)
  OPTIONAL MATCH (b)<-[:CHARGES]-(l:Lane)
  DETACH DELETE l, b, w
}
CALL (gates) {
  UNWIND gates AS g
  SET g.lk = 0
  WITH g WHERE NOT EXISTS { (g)<-[:WAITS_FOR]-(:Task) }
  DETACH DELETE g
}
RETURN deleted
