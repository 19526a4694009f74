// There is one limit for each concurrency key.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_limit_key IF NOT EXISTS
FOR (x:Limit) REQUIRE x.key IS UNIQUE
