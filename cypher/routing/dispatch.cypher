// Routes a task and assigns it in one transaction: it chooses the best agent, then locks that agent
// and the task, and reads again. No row means that the task was refused, that no agent is free, or
// that others have filled the agent that was chosen.
// Locks: the agent, the limit, the task.
// mode: write
// params: $task_id: STRING, $exclude: LIST<STRING>, $lease_seconds: FLOAT, $command_id: STRING
// returns: agent_id
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
CALL (t, l) {
  INCLUDE routing/serving
  WITH t, l, a
  WHERE INCLUDE routing/may_take
  WITH a, INCLUDE routing/quality AS quality, INCLUDE agents/bonus AS bonus
  ORDER BY bonus DESC, quality DESC, coalesce(a.last_assigned_at, datetime({epochSeconds: 0})), a.agent_id
  LIMIT 1
  RETURN a.agent_id AS chosen
}
INCLUDE tasks/lock_and_recheck
  AND NOT a.agent_id IN coalesce(t.excluded_agents, [])
WITH *, [] AS paid, false AS closes
INCLUDE tasks/reserve
INCLUDE tasks/take
RETURN a.agent_id AS agent_id
