// What is paused: every claim asks for it.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_pause_key IF NOT EXISTS
FOR (p:Pause) REQUIRE p.key IS UNIQUE
