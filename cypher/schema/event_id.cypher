// A command's own event carries the command's id, so that a command applied a second time (its first
// answer was lost) fails here and changes nothing.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_event_id IF NOT EXISTS
FOR (e:TaskEvent) REQUIRE e.event_id IS UNIQUE
