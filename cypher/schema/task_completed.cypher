// The finished tasks are found by the time at which they ended.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_completed IF NOT EXISTS
FOR (t:Task) ON (t.completed_at)
