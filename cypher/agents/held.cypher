// The tasks that an agent holds, ascending, $limit at most. The agent is locked, so none is added meanwhile.
// mode: read
// params: agent_id, limit
// returns: task_id
CYPHER 5
UNWIND ['assigned', 'running'] AS status
MATCH (t:Task) USING INDEX SEEK t:Task(assigned_to, status, created_at)
WHERE t.assigned_to = $agent_id AND t.status = status AND t.created_at IS NOT NULL
RETURN t.task_id AS task_id ORDER BY task_id LIMIT $limit
