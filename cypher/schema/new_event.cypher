// The events that have no place in the log yet are found by their time.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_new_event IF NOT EXISTS
FOR (e:NewEvent) ON (e.at)
