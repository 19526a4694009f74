// The triggers on recommendations are found by when they ask next.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_trigger_due IF NOT EXISTS
FOR (s:Trigger) ON (s.next_at)
