// All tasks are read in the order in which they were created.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_created IF NOT EXISTS
FOR (t:Task) ON (t.created_at)
