// There is one log of events.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_event_log IF NOT EXISTS
FOR (g:EventLog) REQUIRE g.name IS UNIQUE
