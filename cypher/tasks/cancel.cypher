// Gives a task up, pending, assigned or running -> cancelled, and frees the slot of the agent that
// holds it. No row means that this was refused.
// Locks: the agent, the limit, the task.
// mode: write
// params: $task_id: STRING, $reason: STRING, $detail: STRING, $command_id: STRING
// returns: task, dependencies, cascade
CYPHER 5
MATCH (t:Task {task_id: $task_id})
CALL (t) {
  MATCH (a:Agent {agent_id: t.assigned_to})
  SET a.lk = $command_id  // Lock the agent, the limit, then the task; then read.
}
CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.lk = $command_id }
SET t.lk = $command_id
WITH t, datetime.realtime() AS now
WHERE t.status IN ['pending', 'assigned', 'running']
OPTIONAL MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt AND r.ended_at IS NULL
CALL (t, r) {
  MATCH (x:Limit {key: t.concurrency_key}) WHERE r IS NOT NULL
  SET x.active = x.active - 1
}
INCLUDE tasks/settle
SET a.lk = $command_id  // A no-op, but where the task changed hands before its lock.
SET a.active_tasks = a.active_tasks - 1,
    r.ended_at = now,
    r.outcome = 'cancelled',
    t.events = t.events + 1
REMOVE t:PendingTask:BlockedTask:DelayedTask:AssignedTask:RunningTask,
       t.ready_key, t.start_by, t.finish_by, t.close_by, t.lease_seconds,
       t.lease_expires_at, t.progress, t.progress_message
SET t:CancelledTask,
    t.status = 'cancelled',
    t.completed_at = now,
    t.error_message = $reason
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $command_id, type: 'cancelled', at: now, attempt: t.attempt,
  seq: t.events, agent_id: a.agent_id, command_id: $command_id, detail: $detail
})
WITH t, now
INCLUDE tasks/owes
RETURN INCLUDE tasks/answer, t.due_at IS NOT NULL AS cascade
