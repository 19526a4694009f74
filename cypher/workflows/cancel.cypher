// Cancels a workflow: from then on nobody is given its tasks, and none is added. The tasks
// themselves are cancelled afterwards, in steps, see workflows/cancel_tasks; until this is done the
// workflow is due, and claims pass its tasks over.
// Locks: the workflow.
// mode: write
// params: $workflow_id: STRING, $reason: STRING, $command_id: STRING
// returns: workflow_id
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
SET w.lk = $command_id
WITH w, datetime.realtime() AS now
SET w:Due:Cancelling, w.cancelled_at = coalesce(w.cancelled_at, now),
    w.reason = CASE WHEN w.cancelled_at IS NULL THEN $reason ELSE w.reason END,
    w.due_at = now + duration('PT10S')
RETURN w.workflow_id AS workflow_id
