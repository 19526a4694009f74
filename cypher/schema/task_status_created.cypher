// The tasks of one status are read in order, the oldest first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_status_created IF NOT EXISTS
FOR (t:Task) ON (t.status, t.created_at)
