// Cancels a workflow: from then on nobody is given its tasks, and none is added. The tasks
// themselves are cancelled afterwards, in steps, see workflows/cancel_tasks; the workflow is due
// until this is done.
// Locks: the workflow.
// mode: write
// params: $workflow_id: STRING, $reason: STRING, $command_id: STRING
// returns: workflow, counts
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
SET w.lk = $command_id
WITH w, datetime.realtime() AS now
SET w:Due, w.cancelled_at = coalesce(w.cancelled_at, now),
    w.reason = CASE WHEN w.cancelled_at IS NULL THEN $reason ELSE w.reason END,
    w.due_at = now + duration('PT10S')
WITH w
INCLUDE workflows/counts
RETURN INCLUDE workflows/row AS workflow, counts
