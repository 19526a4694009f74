// A firing is found by its key; a trigger fires once for a place in the log.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_firing_key IF NOT EXISTS
FOR (f:Firing) REQUIRE f.key IS UNIQUE
