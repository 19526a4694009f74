// The ready tasks of one priority are read in order, the oldest first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_priority_ready IF NOT EXISTS
FOR (t:Task) ON (t.priority, t.ready_key)
