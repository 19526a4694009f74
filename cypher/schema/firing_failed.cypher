// The firings of one trigger that failed.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_firing_failed IF NOT EXISTS
FOR (f:FailedFiring) ON (f.trigger)
