// assigned or running -> assigned to another agent, which has the skills and a free slot. The try of
// the agent that held the task ends as released: no retry is spent and no failure is counted.
// No row: refused.
// mode: write
// params: task_id, agent_id, attempt, lease_seconds, detail, command_id
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (h:Agent {agent_id: t.assigned_to})
MATCH (a:Agent {agent_id: $agent_id}) WHERE a <> h
CALL (a, h) {  // lock the agents in their order, then the task; only then read what decides
  UNWIND [a, h] AS x
  WITH x ORDER BY x.agent_id
  SET x.lk = $command_id
}
SET t.lk = 0
WITH t, a, h, datetime.realtime() AS released
MATCH (t)-[r:ASSIGNED_TO]->(h) WHERE r.attempt = t.attempt
MATCH (l:Lane {key: t.lane})
WHERE t.status IN ['assigned', 'running'] AND t.attempt = coalesce($attempt, t.attempt)
  AND a.active_tasks < a.max_concurrent_tasks
  AND all(key IN l.skills WHERE key IN a.skills)
SET h.active_tasks = h.active_tasks - 1,
    a.active_tasks = a.active_tasks + 1,
    a.total_assigned = a.total_assigned + 1,
    a.last_assigned_at = released,
    r.ended_at = released,
    r.outcome = 'released',
    t.events = t.events + 1
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $command_id + ':released', type: 'released', at: released, attempt: t.attempt,
  seq: t.events, agent_id: h.agent_id, command_id: $command_id, detail: $detail
})
REMOVE t:AssignedTask:RunningTask
WITH t, a, released + duration('PT0.000001S') AS now,  // after the other, in the log too
     $command_id AS event_id, $command_id AS command_id, false AS start,
     $lease_seconds AS lease_seconds, null AS worker_id
// include tasks/hand_over
RETURN
// include tasks/answer
