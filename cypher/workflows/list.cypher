// Returns workflows, newest first, each with how many of its tasks have each status.
// mode: read
// params: $before: ZONED DATETIME, $before_id: STRING, $limit: INTEGER
// returns: workflow, counts
CYPHER 5
MATCH (w:Workflow) USING INDEX SEEK w:Workflow(created_at, workflow_id)
WHERE w.created_at <= $before AND w.workflow_id IS NOT NULL
  AND CASE WHEN w.created_at < $before THEN true ELSE w.workflow_id < $before_id END
WITH w ORDER BY w.created_at DESC, w.workflow_id DESC LIMIT $limit
INCLUDE workflows/counts
RETURN INCLUDE workflows/row AS workflow, counts
ORDER BY w.created_at DESC, w.workflow_id DESC
