// assigned -> running. No row: refused.
// mode: write
// params: task_id, attempt, command_id
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = 0  // lock, then read
WITH t, datetime.realtime() AS now
WHERE t.status = 'assigned' AND t.attempt = coalesce($attempt, t.attempt)
MATCH (t)-[r:ASSIGNED_TO]->(a:Agent) WHERE r.attempt = t.attempt
REMOVE t:AssignedTask
SET t:RunningTask,
    t.status = 'running',
    t.started_at = now,
    t.finish_by = now + duration('PT1S') * t.start_to_close_seconds,
    t.events = t.events + 1,
    r.started_at = now
// include tasks/due
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $command_id, type: 'started', at: now, attempt: t.attempt,
  seq: t.events, agent_id: a.agent_id, command_id: $command_id
})
RETURN
// include tasks/answer
