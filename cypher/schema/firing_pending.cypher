// The firings of one trigger that are to be done.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_firing_pending IF NOT EXISTS
FOR (f:PendingFiring) ON (f.trigger)
