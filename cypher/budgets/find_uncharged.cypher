// Returns the lanes, and the skills of the `fallback` lanes, of those tasks of a workflow that its
// budget does not pay for yet, of $limit such tasks that are not completed, with the ids of these.
// mode: read
// params: $workflow_id: STRING, $limit: INTEGER
// returns: lane, skills, fallback, concurrency_key, least, task_ids
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
RETURN l.key AS lane, l.skills AS skills, f.skills AS fallback,
       l.concurrency_key AS concurrency_key, l.least AS least, collect(t.task_id) AS task_ids
