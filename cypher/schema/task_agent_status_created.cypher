// What one agent holds or has done is found by status, the oldest first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_agent_status_created IF NOT EXISTS
FOR (t:Task) ON (t.assigned_to, t.status, t.created_at)
