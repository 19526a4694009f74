// Groups are found by when the wait for an event ends, or the window in which events are counted.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_trigger_group_due IF NOT EXISTS
FOR (k:TriggerGroup) ON (k.is_awaited, k.due_at)
