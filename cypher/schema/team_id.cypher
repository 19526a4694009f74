// A team is found by its id.
// mode: schema
CYPHER 5
CREATE CONSTRAINT graph_orch_team_id IF NOT EXISTS
FOR (g:Team) REQUIRE g.team_id IS UNIQUE
