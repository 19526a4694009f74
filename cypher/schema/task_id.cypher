// A task is found by its id, and a second creation with the same id fails here.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_task_id IF NOT EXISTS
FOR (t:Task) REQUIRE t.task_id IS UNIQUE
