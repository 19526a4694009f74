// The tasks of one workflow by status, oldest first; counting them reads no task.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_workflow_status_created IF NOT EXISTS
FOR (t:Task) ON (t.workflow_id, t.status, t.created_at)
