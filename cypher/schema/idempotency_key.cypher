// A second creation with the same idempotency key fails here, and is answered with the first task.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_idempotency_key IF NOT EXISTS
FOR (t:Task) REQUIRE t.idempotency_key IS UNIQUE
