// A name is given to one task of a workflow.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_task_workflow_name IF NOT EXISTS
FOR (t:Task) REQUIRE (t.workflow_id, t.name) IS UNIQUE
