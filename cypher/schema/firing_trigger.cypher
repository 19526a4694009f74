// The firings of one trigger, in the order of time.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_firing_trigger IF NOT EXISTS
FOR (f:Firing) ON (f.trigger, f.at)
