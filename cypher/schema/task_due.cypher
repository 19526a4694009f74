// The tasks that the queue must look at by itself are found by when: a delay, a lease or a deadline
// ends.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_due IF NOT EXISTS
FOR (t:Task) ON (t.due_at)
