// Returns the workflows among the newest $look whose start was broken off: they are half-written, and
// nobody has written for $seconds. `tasks`: how many are written.
// mode: read
// params: $look: INTEGER, $seconds: FLOAT
// returns: workflow_id, name, tasks, ago_seconds
CYPHER 5
MATCH (w:Workflow) USING INDEX SEEK w:Workflow(created_at, workflow_id)
WHERE w.created_at > datetime({epochSeconds: 0}) AND w.workflow_id IS NOT NULL
WITH w ORDER BY w.created_at DESC, w.workflow_id DESC LIMIT $look
WITH w, (datetime().epochMillis - w.written_at.epochMillis) / 1000.0 AS ago_seconds
WHERE w.writer IS NOT NULL AND w.cancelled_at IS NULL AND ago_seconds > $seconds
RETURN w.workflow_id AS workflow_id, w.name AS name, COUNT { (w)<-[:PART_OF]-() } AS tasks,
       ago_seconds
