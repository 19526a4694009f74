// Returns the tasks that an agent holds, in the order of their ids, at most $limit. The caller has
// locked the agent, so that it is given no more meanwhile.
// mode: read
// params: $agent_id: STRING, $limit: INTEGER
// returns: task_id
CYPHER 5
UNWIND ['assigned', 'running'] AS status
MATCH (t:Task) USING INDEX SEEK t:Task(assigned_to, status, created_at)
WHERE t.assigned_to = $agent_id AND t.status = status AND t.created_at IS NOT NULL
RETURN t.task_id AS task_id ORDER BY task_id LIMIT $limit
