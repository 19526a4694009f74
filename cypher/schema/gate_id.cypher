// A gate has one node.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_gate_id IF NOT EXISTS
FOR (g:Gate) REQUIRE g.gate_id IS UNIQUE
