// Returns gates of one status, oldest first, those that $approver may decide, or all where null; no
// open one whose handler does not wait for it any more.
// mode: read
// params: $status: STRING, $limit: INTEGER, $approver: STRING
// returns: gate, task_ids, waiting
CYPHER 5
MATCH (g:Gate) USING INDEX SEEK g:Gate(status, created_at, gate_id)
WHERE g.status = $status AND g.created_at IS NOT NULL AND g.gate_id IS NOT NULL
  AND CASE WHEN $status = 'open' AND g.asked
        THEN EXISTS { (g)<-[:WAITS_FOR]-(:PendingTask) } ELSE true END
  AND ($approver IS NULL OR size(g.approvers) = 0 OR $approver IN g.approvers)
WITH g ORDER BY g.status, g.created_at, g.gate_id LIMIT $limit
CALL (g) {
  MATCH (g)<-[:WAITS_FOR]-(t:Task)
  WITH t.task_id AS task_id LIMIT 10
  RETURN collect(task_id) AS task_ids
}
RETURN INCLUDE gates/row AS gate, task_ids, COUNT { (g)<-[:WAITS_FOR]-() } AS waiting
