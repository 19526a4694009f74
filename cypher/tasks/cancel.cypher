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
WITH t, a, r, now, $command_id AS event_id, $reason AS why, $detail AS detail, null AS reason
INCLUDE tasks/cancelled
RETURN INCLUDE tasks/answer, t.due_at IS NOT NULL AS cascade
