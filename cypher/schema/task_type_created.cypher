// The tasks of one type are read in order, the oldest first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_type_created IF NOT EXISTS
FOR (t:Task) ON (t.task_type, t.created_at)
