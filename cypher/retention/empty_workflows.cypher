// Deletes workflows that were started before a time without a task, $limit at most, and their budgets. `place` is that
// of the last one that was looked at; null where none is left.
// Locks: the workflows, ascending by time.
// mode: write
// seconds: 120
// params: $after: STRING, $cutoff: STRING, $limit: INTEGER
// returns: place
CYPHER 5
CALL () {
  MATCH (w:Workflow) USING INDEX SEEK w:Workflow(created_at, workflow_id)
  WHERE datetime($after) < w.created_at <= datetime($cutoff) AND w.workflow_id IS NOT NULL
  WITH w ORDER BY w.created_at, w.workflow_id LIMIT $limit
  RETURN collect(w) AS flows, toString(max(w.created_at)) AS place
}
CALL (flows) {
  UNWIND flows AS w
  WITH w WHERE NOT EXISTS { (w)<-[:PART_OF]-(:Task) }
  SET w.lk = 0
  WITH w WHERE w.writer IS NULL AND NOT EXISTS { (w)<-[:PART_OF]-(:Task) }
  OPTIONAL MATCH (w)-[:HAS_BUDGET]->(b:Budget)
  OPTIONAL MATCH (b)<-[:CHARGES]-(l:Lane)
  OPTIONAL MATCH (p:Pause {key: 'workflow:' + w.workflow_id})
  DETACH DELETE l, b, p, w
}
RETURN place
