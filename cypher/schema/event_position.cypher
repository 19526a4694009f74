// The log of events, in its order.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_event_position IF NOT EXISTS
FOR (e:TaskEvent) ON (e.position)
