// Returns the first task that one agent was assigned and has not begun, and that another agent
// could do.
// mode: read
// params: $agent_id: STRING, $other_id: STRING
// returns: task_id
CYPHER 5
MATCH (a:Agent {agent_id: $other_id})
MATCH (t:Task) USING INDEX SEEK t:Task(assigned_to, status, created_at)
WHERE t.assigned_to = $agent_id AND t.status = 'assigned' AND t.created_at IS NOT NULL
  AND NOT $other_id IN coalesce(t.excluded_agents, [])
  AND EXISTS { MATCH (l:Lane {key: t.lane}) WHERE INCLUDE agents/serves }
RETURN t.task_id AS task_id ORDER BY t.created_at LIMIT 1
