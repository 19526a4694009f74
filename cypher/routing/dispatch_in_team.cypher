// Does what routing/dispatch does, and prefers agents of the team that the task comes from to all
// others. No row means what it means there, or that the team that was named does not exist.
// Locks: the agent, the limit, the task.
// mode: write
// params: $task_id: STRING, $exclude: LIST<STRING>, $team: STRING, $lease_seconds: FLOAT,
//   $command_id: STRING
// returns: agent_id
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
INCLUDE routing/origin
WITH t, l, g WHERE $team IS NULL OR g IS NOT NULL
CALL (t, l, g) {
  INCLUDE routing/serving
  WITH t, l, a, g
  WHERE INCLUDE routing/may_take
  WITH a, EXISTS { (a)-[:MEMBER_OF]->(g) } AS is_member, INCLUDE routing/quality AS quality,
       INCLUDE agents/bonus AS bonus
  ORDER BY is_member DESC, bonus DESC, quality DESC,
           coalesce(a.last_assigned_at, datetime({epochSeconds: 0})), a.agent_id
  LIMIT 1
  RETURN a.agent_id AS chosen
}
INCLUDE tasks/lock_and_recheck
  AND NOT a.agent_id IN coalesce(t.excluded_agents, [])
WITH *, [] AS paid, false AS closes
INCLUDE tasks/reserve
INCLUDE tasks/take
RETURN a.agent_id AS agent_id
