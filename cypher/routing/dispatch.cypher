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
  WHERE
  // include routing/may_take
  WITH a,
  // include routing/quality
    AS quality
  ORDER BY quality DESC, coalesce(a.last_assigned_at, datetime({epochSeconds: 0})), a.agent_id
  LIMIT 1
  RETURN a.agent_id AS chosen
}
// include routing/take
