// The firings that a process has taken are found by the command that took them.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_firing_taken IF NOT EXISTS
FOR (f:PendingFiring) ON (f.taken_by)
