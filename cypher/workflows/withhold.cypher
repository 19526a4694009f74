// Takes ready tasks of a cancelled workflow out of the queue, $limit at most, so that claims find
// those that come after them. They are cancelled by workflows/cancel_tasks.
// Locks: the workflow, the tasks, ascending. Whatever became of one meanwhile, it is not ready again.
// mode: write
// seconds: 60
// params: $workflow_id: STRING, $limit: INTEGER, $command_id: STRING
// returns: number
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
SET w.lk = $command_id
WITH w WHERE w.cancelled_at IS NOT NULL
CALL (w) {
  MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
  WHERE t.workflow_id = w.workflow_id AND t.status = 'pending' AND t.created_at IS NOT NULL
    AND t.ready_key IS NOT NULL
  WITH t LIMIT $limit
  WITH t ORDER BY t.task_id
  REMOVE t.ready_key
  RETURN count(t) AS number
}
RETURN number
