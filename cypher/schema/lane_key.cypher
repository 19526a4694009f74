// There is one lane for each distinct set of required skills and concurrency key.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_lane_key IF NOT EXISTS
FOR (l:Lane) REQUIRE l.key IS UNIQUE
