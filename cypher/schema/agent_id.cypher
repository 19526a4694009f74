// An agent is found by its id, and no two agents have the same.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_agent_id IF NOT EXISTS
FOR (a:Agent) REQUIRE a.agent_id IS UNIQUE
