// Says that a large workflow is still being written. No row means that somebody else took it over.
// Locks: the workflow.
// mode: write
// params: $workflow_id: STRING, $writer: STRING
// returns: workflow_id
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
SET w.lk = 0
WITH w WHERE w.writer = $writer
SET w.written_at = datetime.realtime()
RETURN w.workflow_id AS workflow_id
