// All workflows, newest first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_workflow_created IF NOT EXISTS
FOR (w:Workflow) ON (w.created_at, w.workflow_id)
