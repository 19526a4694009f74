// Route and assign in one transaction: choose the best agent, lock it and then the task, and read
// again. No row: refused, nobody free, or the agent was filled by others first.
// mode: write
// params: task_id, exclude, lease_seconds, command_id
// returns: agent_id
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
CALL (t, l) {
  // include routing/serving
  WITH t, a
  WHERE a.active_tasks < a.max_concurrent_tasks AND NOT a.agent_id IN $exclude
    AND NOT a.agent_id IN coalesce(t.excluded_agents, [])
  WITH a, a.success_rate * (1.0 - toFloat(a.active_tasks) / a.max_concurrent_tasks) AS quality
  ORDER BY quality DESC, coalesce(a.last_assigned_at, datetime({epochSeconds: 0})), a.agent_id
  LIMIT 1
  RETURN a.agent_id AS chosen
}
MATCH (a:Agent {agent_id: chosen})
SET a.lk = $command_id
WITH a, t, l
CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.lk = $command_id }
SET t.lk = $command_id
WITH a.agent_id AS agent_id, t.task_id AS task_id, l
// Matched anew, so that nothing read before the locks is used.
MATCH (a:Agent {agent_id: agent_id})
MATCH (t:Task {task_id: task_id})
WITH a, t, l, datetime.realtime() AS now, $command_id AS event_id,
     $command_id AS command_id, false AS start, $lease_seconds AS lease_seconds, null AS worker_id
WHERE t.status = 'pending' AND t.unmet = 0
  AND coalesce(t.available_at <= now, true)
  AND a.active_tasks < a.max_concurrent_tasks
  AND all(key IN l.skills WHERE key IN a.skills)
  AND NOT EXISTS { MATCH (l)-[:LIMITED_BY]->(x:Limit) WHERE x.active >= x.max }
CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.active = x.active + 1 }
SET a.active_tasks = a.active_tasks + 1,
    a.total_assigned = a.total_assigned + 1,
    a.last_assigned_at = now
// include tasks/hand_over
RETURN a.agent_id AS agent_id
