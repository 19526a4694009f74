// Lets a cancelled workflow go on: tasks may be added and claimed again. Its deadline begins anew.
// While its tasks are still being cancelled it does not, which `cancelling` says: what is out of the
// queue by then, and not cancelled, would never come back into it.
// Locks: the workflow.
// mode: write
// params: $workflow_id: STRING, $command_id: STRING
// returns: cancelling
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
SET w.lk = $command_id
WITH w, w:Cancelling AS cancelling
CALL (w, cancelling) {
  WITH w WHERE NOT cancelling
  REMOVE w.cancelled_at, w.reason
  SET w.close_by = datetime.realtime() + duration('PT1S') * w.close_in_seconds
}
RETURN cancelling
