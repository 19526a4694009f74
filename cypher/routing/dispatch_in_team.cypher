// As routing/dispatch, and agents of the team that the task comes from go before all others. No row:
// as there, or the team that was named does not exist.
// mode: write
// params: task_id, exclude, team, lease_seconds, command_id
// returns: agent_id
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
// include routing/origin
WITH t, l, g WHERE $team IS NULL OR g IS NOT NULL
CALL (t, l, g) {
  // include routing/serving
  WITH t, a, g
  WHERE
  // include routing/may_take
  WITH a, EXISTS { (a)-[:MEMBER_OF]->(g) } AS is_member,
  // include routing/quality
    AS quality
  ORDER BY is_member DESC, quality DESC,
           coalesce(a.last_assigned_at, datetime({epochSeconds: 0})), a.agent_id
  LIMIT 1
  RETURN a.agent_id AS chosen
}
// include routing/take
