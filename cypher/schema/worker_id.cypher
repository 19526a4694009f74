// A worker process is found by its id.
// mode: schema
CYPHER 5
CREATE CONSTRAINT graph_orch_worker_id IF NOT EXISTS
FOR (w:Worker) REQUIRE w.worker_id IS UNIQUE
