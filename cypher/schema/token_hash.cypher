// A token is found by the hash of its secret.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_token_hash IF NOT EXISTS
FOR (k:Token) REQUIRE k.hash IS UNIQUE
