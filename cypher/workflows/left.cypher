// Returns the tasks of a workflow that have not ended, $limit at most. `ran_seconds`: how long its
// try lasts already. `holds`: it is pending, and waits for no task that may still be completed.
// mode: read
// seconds: 60
// params: $workflow_id: STRING, $limit: INTEGER
// returns: task_id, name, task_type, status, assigned_to, started_at, ran_seconds, holds
CYPHER 5
UNWIND ['running', 'assigned', 'pending'] AS status
CALL (status) {
  MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
  WHERE t.workflow_id = $workflow_id AND t.status = status AND t.created_at IS NOT NULL
  RETURN t LIMIT $limit
}
WITH t LIMIT $limit
RETURN t.task_id AS task_id, t.name AS name, t.task_type AS task_type, t.status AS status,
  t.assigned_to AS assigned_to,
  t.started_at.epochSeconds * 1000000 + t.started_at.microsecond AS started_at,
  (datetime().epochMillis - t.started_at.epochMillis) / 1000.0 AS ran_seconds,
  t.status = 'pending' AND NOT EXISTS {
    (t)-[:DEPENDS_ON]->(x:Task) WHERE x.status IN ['pending', 'assigned', 'running']
  } AS holds
