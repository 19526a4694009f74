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
CALL (found) {
  UNWIND found AS t
  MATCH (a:Agent {agent_id: t.assigned_to})
  WITH DISTINCT a ORDER BY a.agent_id
  SET a.lk = $command_id
}
CALL (found) {
  UNWIND found AS t
  MATCH (x:Limit {key: t.concurrency_key})
  WITH DISTINCT x ORDER BY x.key
  SET x.lk = $command_id
}
CALL (w, found) {
  UNWIND found AS t
  WITH w, t ORDER BY t.task_id
  SET t.lk = $command_id
  WITH w, t, datetime.realtime() AS now WHERE t.status IN ['pending', 'assigned', 'running']
  OPTIONAL MATCH (t)-[r:ASSIGNED_TO]->(a:Agent) WHERE r.attempt = t.attempt AND r.ended_at IS NULL
  CALL (t, r) {
    MATCH (x:Limit {key: t.concurrency_key}) WHERE r IS NOT NULL
    SET x.active = x.active - 1
  }
  INCLUDE tasks/settle
  SET a.active_tasks = a.active_tasks - 1, r.ended_at = now, r.outcome = 'cancelled'
  WITH w, t, now, a
  REMOVE t:PendingTask:BlockedTask:DelayedTask:AssignedTask:RunningTask,
         t.ready_key, t.start_by, t.finish_by, t.close_by, t.lease_seconds,
         t.lease_expires_at, t.progress, t.progress_message
  SET t:CancelledTask, t.status = 'cancelled', t.completed_at = now,
      t.error_message = coalesce(w.reason, 'its workflow was cancelled'), t.events = t.events + 1
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: $command_id + ':' + t.task_id, type: 'cancelled', at: now, attempt: t.attempt,
    seq: t.events, agent_id: a.agent_id, command_id: $command_id, reason: w.reason
  })
  WITH t, now
  INCLUDE tasks/owes
  RETURN count(t) AS number,
         collect(CASE WHEN t.due_at IS NOT NULL THEN t.task_id END) AS owing
}
FOREACH (_ IN CASE WHEN size(found) < $limit THEN [1] ELSE [] END | REMOVE w:Due:Cancelling, w.due_at)
FOREACH (_ IN CASE WHEN size(found) = $limit THEN [1] ELSE [] END |
  SET w.due_at = datetime.realtime() + duration('PT1S') * $again_seconds)
RETURN size(found) AS number, owing
