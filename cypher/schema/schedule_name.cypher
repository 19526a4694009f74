// A schedule is found by its name.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_schedule_name IF NOT EXISTS
FOR (s:Schedule) REQUIRE s.name IS UNIQUE
