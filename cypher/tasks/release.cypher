// assigned or running -> pending, unharmed: no retry is spent and no failure is counted.
// No row: refused.
// mode: write
// params: task_id, attempt, reason_json, command_id
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (a:Agent {agent_id: t.assigned_to})
SET a.lk = $command_id  // lock the agent, then the task
WITH t, a
SET t.lk = $command_id
WITH t, a, datetime() AS now
WHERE t.status IN ['assigned', 'running'] AND t.attempt = coalesce($attempt, t.attempt)
MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt
SET t.events = t.events + 1,
    r.ended_at = now,
    r.outcome = 'released',
    a.active_tasks = a.active_tasks - 1
CREATE (t)-[:HAS_EVENT]->(:TaskEvent {
  event_id: $command_id, task_id: t.task_id, type: 'released', at: now, attempt: t.attempt,
  seq: t.events, agent_id: a.agent_id, command_id: $command_id, detail: $reason_json
})
REMOVE t:AssignedTask:RunningTask, t.lease_expires_at, t.assigned_to, t.assigned_at, t.started_at
SET t:PendingTask, t.status = 'pending', t.ready_key = t.queue_key
RETURN properties(t) AS task, [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]] AS dependencies
