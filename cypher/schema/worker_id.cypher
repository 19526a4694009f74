// A worker process is found by its id.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_worker_id IF NOT EXISTS
FOR (w:Worker) REQUIRE w.worker_id IS UNIQUE
