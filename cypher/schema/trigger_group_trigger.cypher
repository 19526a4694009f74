// The groups of one trigger.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_trigger_group_trigger IF NOT EXISTS
FOR (k:TriggerGroup) ON (k.trigger)
