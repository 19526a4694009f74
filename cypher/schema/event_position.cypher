// The events are read in the order of the log.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_event_position IF NOT EXISTS
FOR (e:TaskEvent) ON (e.position)
