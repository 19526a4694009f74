// Lets a cancelled workflow go on: tasks may be added and claimed again. Its deadline begins anew.
// Locks: the workflow.
// mode: write
// params: $workflow_id: STRING, $command_id: STRING
// returns: workflow, counts
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
SET w.lk = $command_id
REMOVE w:Due, w.due_at, w.cancelled_at, w.reason
SET w.close_by = datetime.realtime() + duration('PT1S') * w.close_in_seconds
WITH w
INCLUDE workflows/counts
RETURN INCLUDE workflows/row AS workflow, counts
