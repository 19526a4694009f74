// The firings that are to be done are found by what they call and when they are due.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_firing_due IF NOT EXISTS
FOR (f:PendingFiring) ON (f.function, f.due_at)
