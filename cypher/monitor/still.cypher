// Returns the oldest $limit workflows that stand still: tasks of theirs are blocked, and none is held,
// ready or due later. `first` is one of the blocked tasks. It looks at $look blocked tasks, and at 100
// workflows of these.
// mode: read
// seconds: 60
// params: $look: INTEGER, $limit: INTEGER
// returns: workflow_id, name, pending, first
CYPHER 5
CALL () {
  MATCH (b:BlockedTask)
  WITH b LIMIT $look
  WITH b WHERE b.workflow_id IS NOT NULL
  RETURN b.workflow_id AS id, min(b.task_id) AS first
}
MATCH (w:Workflow {workflow_id: id}) WHERE w.cancelled_at IS NULL AND w.writer IS NULL
WITH w, first ORDER BY w.created_at, w.workflow_id LIMIT 100
CALL (w) {
  UNWIND ['running', 'assigned', 'pending'] AS status
  CALL (w, status) {
    MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
    WHERE t.workflow_id = w.workflow_id AND t.status = status AND t.created_at IS NOT NULL
      AND NOT t:BlockedTask
    RETURN t LIMIT 1
  }
  RETURN count(t) AS live
}
WITH w, first, live WHERE live = 0
WITH w, first ORDER BY w.created_at, w.workflow_id LIMIT $limit
CALL (w) {
  MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
  WHERE t.workflow_id = w.workflow_id AND t.status = 'pending' AND t.created_at IS NOT NULL
  RETURN count(t) AS pending
}
RETURN w.workflow_id AS workflow_id, w.name AS name, pending, first
ORDER BY w.created_at, workflow_id
