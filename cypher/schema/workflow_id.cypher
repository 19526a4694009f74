// A workflow has one node.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_workflow_id IF NOT EXISTS
FOR (w:Workflow) REQUIRE w.workflow_id IS UNIQUE
