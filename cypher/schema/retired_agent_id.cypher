// An agent that is deregistered keeps its id, by which it is found again when it comes back.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_retired_agent_id IF NOT EXISTS
FOR (a:RetiredAgent) REQUIRE a.agent_id IS UNIQUE
