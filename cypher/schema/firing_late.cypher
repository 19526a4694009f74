// Firings that have been due for long are found by that alone, whichever function they call.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_firing_late IF NOT EXISTS
FOR (f:PendingFiring) ON (f.due_at)
