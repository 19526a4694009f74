// assigned or running -> pending, unharmed: no retry is spent and no failure is counted.
// No row: refused.
// mode: write
// params: task_id, attempt, detail, command_id
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (a:Agent {agent_id: t.assigned_to})
SET a.lk = $command_id  // lock the agent, the limit, then the task
WITH t, a
CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.lk = $command_id }
SET t.lk = $command_id
WITH t, a, datetime.realtime() AS now
WHERE t.status IN ['assigned', 'running'] AND t.attempt = coalesce($attempt, t.attempt)
MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt
CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.active = x.active - 1 }
SET t.events = t.events + 1,
    r.ended_at = now,
    r.outcome = 'released',
    a.active_tasks = a.active_tasks - 1
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $command_id, type: 'released', at: now, attempt: t.attempt,
  seq: t.events, agent_id: a.agent_id, command_id: $command_id, detail: $detail
})
// include tasks/take_back
RETURN
// include tasks/answer
