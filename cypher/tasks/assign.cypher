// pending -> assigned: give a ready task to an agent that has the skills and a free slot.
// No row: refused.
// mode: write
// params: task_id, agent_id, lease_seconds, command_id
// returns: task, dependencies
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
SET a.lk = $command_id  // lock the agent, the limit, then the task; only then read what decides
WITH a
MATCH (t:Task {task_id: $task_id})
CALL (t) { MATCH (x:Limit {key: t.concurrency_key}) SET x.lk = 0 }
SET t.lk = 0
WITH a, t, datetime.realtime() AS now, $command_id AS event_id,
     $command_id AS command_id, false AS start, $lease_seconds AS lease_seconds, null AS worker_id
MATCH (l:Lane {key: t.lane})
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
RETURN
// include tasks/answer
