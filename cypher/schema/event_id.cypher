// The own event of a command carries the id of the command, so that a command which is applied a
// second time, since its first answer was lost, fails here and changes nothing.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_event_id IF NOT EXISTS
FOR (e:TaskEvent) REQUIRE e.event_id IS UNIQUE
