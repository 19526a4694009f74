// Whose share of the agents' time is how large: claims of tasks that have fairness keys ask for it.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_share_key IF NOT EXISTS
FOR (x:Share) REQUIRE x.key IS UNIQUE
