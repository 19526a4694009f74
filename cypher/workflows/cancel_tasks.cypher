// pending, assigned or running -> cancelled, for $limit tasks of a cancelled workflow. While there
// are more, the workflow comes due again in $again_seconds. `number`: how many were looked at;
// `owing`: those of them that have dependents to be cancelled, which may be outside of it.
// Locks: the workflow, the agents, the limits, the tasks; each kind ascending.
// mode: write
// seconds: 60
// params: $workflow_id: STRING, $limit: INTEGER, $again_seconds: FLOAT,
//   $command_id: STRING
// returns: number, owing
CYPHER 5
MATCH (w:Workflow {workflow_id: $workflow_id})
SET w.lk = $command_id  // So that nobody lets it go on between this and the end of the step.
WITH w WHERE w.cancelled_at IS NOT NULL
CALL (w) {
  UNWIND ['running', 'assigned', 'pending'] AS status
  CALL (w, status) {
    MATCH (t:Task) USING INDEX SEEK t:Task(workflow_id, status, created_at)
    WHERE t.workflow_id = w.workflow_id AND t.status = status AND t.created_at IS NOT NULL
    RETURN t LIMIT $limit
  }
  WITH t LIMIT $limit
  RETURN collect(t) AS found
}
INCLUDE tasks/lock_holders
CALL (w, found) {
  UNWIND found AS t
  WITH w, t ORDER BY t.task_id
  SET t.lk = $command_id
  WITH w, t, datetime.realtime() AS now WHERE t.status IN ['pending', 'assigned', 'running']
  OPTIONAL MATCH (t)-[r:ASSIGNED_TO]->(a:Agent) WHERE r.attempt = t.attempt AND r.ended_at IS NULL
  WITH t, a, r, now, $command_id + ':' + t.task_id AS event_id,
       coalesce(w.reason, 'its workflow was cancelled') AS why, null AS detail, w.reason AS reason
  INCLUDE tasks/cancelled
  RETURN count(t) AS number,
         collect(CASE WHEN t.due_at IS NOT NULL THEN t.task_id END) AS owing
}
FOREACH (_ IN CASE WHEN size(found) < $limit THEN [1] ELSE [] END | REMOVE w:Due:Cancelling, w.due_at)
FOREACH (_ IN CASE WHEN size(found) = $limit THEN [1] ELSE [] END |
  SET w.due_at = datetime.realtime() + duration('PT1S') * $again_seconds)
RETURN size(found) AS number, owing
