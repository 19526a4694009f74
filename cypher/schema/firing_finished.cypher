// Firings that were done are found by when, to be deleted.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_firing_finished IF NOT EXISTS
FOR (f:Firing) ON (f.finished_at)
