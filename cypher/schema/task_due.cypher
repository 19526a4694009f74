// The delayed tasks, by the time at which they become ready.
// mode: schema
CYPHER 5
CREATE INDEX graph_orch_task_due IF NOT EXISTS
FOR (t:Task) ON (t.due_at)
