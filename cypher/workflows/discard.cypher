// Removes what was written of a workflow whose start was broken off, $limit tasks at most; with the
// last of them its gate, and the workflow.
// Locks: the workflow, the tasks.
// mode: write
// seconds: 60
// params: $workflow_id: STRING, $limit: INTEGER
// returns: number
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
SET w.lk = 0
WITH w WHERE w.writer IS NOT NULL
SET w.written_at = datetime.realtime(), w.writer = 'discarded'
WITH w
CALL (w) {
  MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
  WHERE t.workflow_id = w.workflow_id AND t.status IS NOT NULL AND t.created_at IS NOT NULL
  WITH t LIMIT $limit
  OPTIONAL MATCH (t)-[:HAS_EVENT]->(e:TaskEvent)
  DETACH DELETE e
  WITH DISTINCT t
  DETACH DELETE t
  RETURN count(*) AS number
}
CALL (w, number) {
  WITH w, number WHERE number < $limit
  OPTIONAL MATCH (g:Gate {gate_id: w.gate_id})
  DETACH DELETE g, w
}
RETURN number
