// A token has one node.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_token_id IF NOT EXISTS
FOR (k:Token) REQUIRE k.token_id IS UNIQUE
