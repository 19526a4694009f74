// Returns the lanes, and the `fallback` lanes, of those tasks of a workflow that its budget does not pay
// for yet, of $limit such tasks that are not completed, with the ids of these.
// mode: read
// params: $workflow_id: STRING, $limit: INTEGER
// returns: lane, fallback, task_ids
CYPHER 5
UNWIND ['pending', 'assigned', 'running', 'failed', 'cancelled'] AS status
CALL (status) {
  MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
  WHERE t.workflow_id = $workflow_id AND t.status = status AND t.created_at IS NOT NULL
    AND t.charges IS NULL
  RETURN t LIMIT $limit
}
WITH t LIMIT $limit
MATCH (l:Lane {key: t.lane})
OPTIONAL MATCH (f:Lane {key: t.fallback_lane})
RETURN properties(l) AS lane, properties(f) AS fallback, collect(t.task_id) AS task_ids
