// Returns the tasks of a workflow that have not ended, $limit at most, with what says how long they
// take. `ran_seconds`: how long its try lasts already. `holds`: it is pending, and waits for no task
// that may still be completed. `skills`: the keys of those that it needs.
// mode: read
// seconds: 60
// params: $workflow_id: STRING, $limit: INTEGER
// returns: task_id, task_type, status, on_dependency_failure, execution_duration_ms, metadata,
//   dependencies, name, assigned_to, started_at, ran_seconds, holds, skills, excluded_agents
CYPHER 5
UNWIND ['running', 'assigned', 'pending'] AS status
CALL (status) {
  MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
  WHERE t.workflow_id = $workflow_id AND t.status = status AND t.created_at IS NOT NULL
  RETURN t LIMIT $limit
}
WITH t AS x LIMIT $limit
OPTIONAL MATCH (l:Lane {key: x.lane})
RETURN INCLUDE insights/facts,
  x.name AS name, x.assigned_to AS assigned_to,
  x.started_at.epochSeconds * 1000000 + x.started_at.microsecond AS started_at,
  (datetime().epochMillis - x.started_at.epochMillis) / 1000.0 AS ran_seconds,
  x.status = 'pending' AND NOT EXISTS {
    (x)-[:DEPENDS_ON]->(d:Task) WHERE d.status IN ['pending', 'assigned', 'running']
  } AS holds,
  coalesce(l.skills, []) AS skills, coalesce(x.excluded_agents, []) AS excluded_agents
