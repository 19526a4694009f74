// The triggers that have not been evaluated to the end of the log are found by their positions.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_trigger_position IF NOT EXISTS
FOR (s:Trigger) ON (s.position)
