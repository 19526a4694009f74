// Returns workflows that stand still, the newest first, $limit at most: tasks of theirs are blocked,
// and none is held, ready or due later. `first` is one of the blocked tasks. It looks at the newest
// $look workflows.
// mode: read
// seconds: 60
// params: $look: INTEGER, $limit: INTEGER
// returns: workflow_id, name, pending, first
CYPHER 5
MATCH (w:Workflow) USING INDEX SEEK w:Workflow(created_at, workflow_id)
WHERE w.created_at > datetime({epochSeconds: 0}) AND w.workflow_id IS NOT NULL
WITH w ORDER BY w.created_at DESC, w.workflow_id DESC LIMIT $look
WITH w WHERE w.cancelled_at IS NULL AND w.writer IS NULL
CALL (w) {
  UNWIND ['running', 'assigned'] AS status
  CALL (w, status) {
    MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
    WHERE t.workflow_id = w.workflow_id AND t.status = status AND t.created_at IS NOT NULL
    RETURN t LIMIT 1
  }
  RETURN count(t) AS held
}
WITH w WHERE held = 0
CALL (w) {
  MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
  WHERE t.workflow_id = w.workflow_id AND t.status = 'pending' AND t.created_at IS NOT NULL
  RETURN count(t) AS pending, count(CASE WHEN t:BlockedTask THEN 1 END) AS blocked,
         min(t.task_id) AS first
}
WITH w, pending, first WHERE pending > 0 AND blocked = pending
RETURN w.workflow_id AS workflow_id, w.name AS name, pending, first
ORDER BY w.created_at DESC, workflow_id DESC LIMIT $limit
