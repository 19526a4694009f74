// All ready tasks are read in order, the best first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_ready IF NOT EXISTS
FOR (t:Task) ON (t.ready_key)
