// Gives a held task to another agent that has the skills and a free slot, assigned or running ->
// assigned. The try of the agent that held the task ends as released: no retry is spent and no
// failure is counted. No row means that this was refused.
// Locks: the agents in the order of their ids, the task.
// mode: write
// params: $task_id: STRING, $agent_id: STRING, $attempt: INTEGER, $lease_seconds: FLOAT, $detail: STRING, $command_id: STRING
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (h:Agent {agent_id: t.assigned_to})
MATCH (a:Agent {agent_id: $agent_id}) WHERE a <> h
CALL (a, h) {
  UNWIND [a, h] AS x
  WITH x ORDER BY x.agent_id
  SET x.lk = $command_id
}
SET t.lk = 0
WITH t, a, h, datetime.realtime() AS released
MATCH (t)-[r:ASSIGNED_TO]->(h) WHERE r.attempt = t.attempt
MATCH (l:Lane {key: t.lane})
WHERE t.status IN ['assigned', 'running'] AND t.attempt = coalesce($attempt, t.attempt)
  AND a.active_tasks < INCLUDE agents/slots
  AND INCLUDE tasks/independent
  AND INCLUDE agents/serves
WITH t, a, h, r, released, released AS now, coalesce(r.charged, []) AS paid, false AS closes
INCLUDE tasks/reserve
INCLUDE tasks/settle
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
// The log has the assignment after the release.
WITH t, a, estimate, charged, released + duration('PT0.000001S') AS now, $command_id AS event_id,
     $command_id AS command_id, false AS start, $lease_seconds AS lease_seconds, null AS worker_id
INCLUDE tasks/hand_over
RETURN INCLUDE tasks/answer
