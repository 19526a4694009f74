// Route and assign in one transaction: choose the best agent, lock it and then the task, and read
// again. No row: refused, nobody free, or the agent was filled by others first.
// mode: write
// params: task_id, exclude, lease_seconds, command_id
// returns: agent_id
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
CALL (l) {
  MATCH (l)<-[:SERVES]-(a:Agent)
  WHERE a.active_tasks < a.max_concurrent_tasks AND NOT a.agent_id IN $exclude
  WITH a, a.success_rate * (1.0 - toFloat(a.active_tasks) / a.max_concurrent_tasks) AS quality
  ORDER BY quality DESC, coalesce(a.last_assigned_at, datetime({epochSeconds: 0})), a.agent_id
  LIMIT 1
  RETURN a.agent_id AS chosen
}
MATCH (a:Agent {agent_id: chosen})
SET a.lk = $command_id
WITH a, t, l
SET t.lk = $command_id
WITH a.agent_id AS agent_id, t.task_id AS task_id, l
// Matched anew, so that nothing read before the locks is used.
MATCH (a:Agent {agent_id: agent_id})
MATCH (t:Task {task_id: task_id})
WITH a, t, l, datetime() AS now
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
RETURN a.agent_id AS agent_id
