// A step of a handler is kept once.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_step_key IF NOT EXISTS
FOR (s:Step) REQUIRE (s.task_id, s.key) IS UNIQUE
