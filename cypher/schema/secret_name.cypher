// A secret has one node.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_secret_name IF NOT EXISTS
FOR (s:Secret) REQUIRE s.name IS UNIQUE
