// pending -> assigned: give a ready task to an agent that has the skills and a free slot.
// No row: refused.
// mode: write
// params: task_id, agent_id, lease_seconds, command_id
// returns: task, dependencies
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
SET a.lk = $command_id  // lock the agent, then the task; only then read what is decided by
WITH a
MATCH (t:Task {task_id: $task_id})
SET t.lk = $command_id
WITH a, t, datetime() AS now
MATCH (l:Lane {key: t.lane})
WHERE t.status = 'pending' AND t.unmet = 0
  AND coalesce(t.available_at <= now, true)
  AND a.active_tasks < a.max_concurrent_tasks
  AND all(key IN l.skills WHERE key IN a.skills)
REMOVE t:PendingTask:DelayedTask, t.ready_key, t.due_at
SET t:AssignedTask,
    t.status = 'assigned',
    t.assigned_to = a.agent_id,
    t.assigned_at = now,
    t.attempt = t.attempt + 1,
    t.events = t.events + 1,
    t.lease_expires_at = CASE WHEN $lease_seconds IS NOT NULL
      THEN now + duration({seconds: $lease_seconds}) END,
    a.active_tasks = a.active_tasks + 1,
    a.total_assigned = a.total_assigned + 1,
    a.last_assigned_at = now
CREATE (t)-[:ASSIGNED_TO {attempt: t.attempt, assigned_at: now}]->(a)
CREATE (t)-[:HAS_EVENT]->(:TaskEvent {
  event_id: $command_id, task_id: t.task_id, type: 'assigned', at: now, attempt: t.attempt,
  seq: t.events, agent_id: a.agent_id, command_id: $command_id
})
RETURN properties(t) AS task, [(t)-[r:DEPENDS_ON]->(d) | [r.ordinal, d.task_id]] AS dependencies
