// Returns the gates that people must see to, oldest first, $limit at most: open ones at which tasks
// wait that wait for nothing else, and rejected or expired ones that hold tasks back for ever. It looks
// at $look open gates, at $look blocked tasks for the others, and at 100 tasks of each gate, which
// stand for more. `first` is one of these tasks, and `waited_seconds` how long it has waited for
// nothing but the gate. No gate of $starter, who decides without being asked.
// mode: read
// params: $look: INTEGER, $limit: INTEGER, $starter: STRING
// returns: gate_id, status, question, approvers, decided_by, expires_at, tasks, first, workflow_id,
//   waited_seconds
CYPHER 5
CALL () {
  MATCH (g:Gate) USING INDEX SEEK g:Gate(status, created_at, gate_id)
  WHERE g.status = 'open' AND g.created_at IS NOT NULL AND g.gate_id IS NOT NULL
    AND NOT $starter IN g.approvers AND coalesce(g.expires_at > datetime(), true)
  RETURN g ORDER BY g.status, g.created_at, g.gate_id LIMIT $look
  UNION
  MATCH (b:BlockedTask)
  WITH b LIMIT $look
  MATCH (b)-[w:WAITS_FOR]->(g:Gate) WHERE w.key IS NULL AND g.status IN ['rejected', 'expired']
  RETURN DISTINCT g
}
CALL (g) {
  MATCH (g)<-[:WAITS_FOR]-(t:PendingTask)
  WITH g, t LIMIT 100
  WHERE g.status <> 'open'
     OR t.unmet = COUNT { MATCH (t)-[w:WAITS_FOR]->(x:Gate) WHERE INCLUDE gates/closed }
  RETURN count(t) AS tasks, min(t.task_id) AS first
}
WITH g, tasks, first WHERE tasks > 0
ORDER BY g.created_at, g.gate_id LIMIT $limit
MATCH (t:Task {task_id: first})
CALL (g, t) {
  OPTIONAL MATCH (t)-[:DEPENDS_ON]->(d:Task)
  WITH g, t, max(d.completed_at) AS done
  UNWIND [g.created_at, t.created_at, done] AS at
  RETURN max(at) AS since
}
RETURN g.gate_id AS gate_id, g.status AS status, left(g.question, 300) AS question,
       g.approvers AS approvers, g.decided_by AS decided_by,
       g.expires_at.epochSeconds * 1000000 + g.expires_at.microsecond AS expires_at, tasks, first,
       t.workflow_id AS workflow_id,
       (datetime().epochMillis - since.epochMillis) / 1000.0 AS waited_seconds
ORDER BY g.created_at, gate_id
