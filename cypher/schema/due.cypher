// What else than tasks the queue must look at: gates that expire, or at which tasks still wait after
// the decision; workflows whose tasks are still to be cancelled; pauses.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_due IF NOT EXISTS
FOR (d:Due) ON (d.due_at)
