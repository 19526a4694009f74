// A team is found by its id.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_team_id IF NOT EXISTS
FOR (g:Team) REQUIRE g.team_id IS UNIQUE
