// The workflows whose tasks are being cancelled: every claim asks which these are.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_cancelling IF NOT EXISTS
FOR (w:Cancelling) ON (w.workflow_id)
