// Puts tasks that somebody has assigned to an agent under a lease of the process that works for it,
// and, where $start, begins the work on the first $begin of them.
// Locks: the agent, then the tasks, ascending.
// mode: write
// params: $agent_id: STRING, $task_types: LIST<STRING>, $limit: INTEGER, $lease_seconds: FLOAT,
//   $worker_id: STRING, $start: BOOLEAN, $begin: INTEGER, $command_id: STRING
// returns: task, dependencies
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
SET a.lk = $command_id
WITH a
CALL () {
  MATCH (t:Task) USING INDEX SEEK t:Task(assigned_to, status, created_at)
  WHERE t.assigned_to = $agent_id AND t.status = 'assigned' AND t.created_at IS NOT NULL
    AND t.lease_expires_at IS NULL AND ($task_types IS NULL OR t.task_type IN $task_types)
  RETURN t ORDER BY t.created_at LIMIT $limit
}
WITH a, collect(t) AS answered
WITH a, answered, [t IN answered | INCLUDE tasks/letters] AS letters
WITH a, answered, INCLUDE tasks/fitting AS fitting
UNWIND answered[..fitting] AS t
WITH a, t ORDER BY t.task_id
WITH a, collect(t) AS handed
UNWIND range(0, size(handed) - 1) AS place
WITH a, handed[place] AS t, $start AND place < coalesce($begin, $limit) AS start
SET t.lk = $command_id
WITH a, t, start, datetime.realtime() AS now
MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt AND r.ended_at IS NULL
SET t.lease_seconds = $lease_seconds,
    t.lease_expires_at = now + duration('PT1S') * $lease_seconds,
    t.worker_id = $worker_id,
    r.worker_id = $worker_id
FOREACH (_ IN CASE WHEN start AND t.status = 'assigned' THEN [1] ELSE [] END |
  REMOVE t:AssignedTask
  SET t:RunningTask, t.status = 'running', t.started_at = now, r.started_at = now,
      t.events = t.events + 1,
      t.finish_by = now + duration('PT1S') * t.start_to_close_seconds
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: $command_id + ':' + t.task_id, type: 'started', at: now,
    attempt: t.attempt, seq: t.events, agent_id: a.agent_id, command_id: $command_id
  }))
INCLUDE tasks/due
RETURN INCLUDE tasks/answer
