// All tasks, oldest first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_created IF NOT EXISTS
FOR (t:Task) ON (t.created_at)
