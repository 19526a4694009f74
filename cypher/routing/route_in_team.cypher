// As routing/route, and agents of the team that the task comes from go before all others. `team` is
// its id, null where there is none. No row: no such task.
// mode: read
// params: task_id, exclude, team, limit
// returns: agent_ids, team
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
// include routing/origin
CALL (t, l, g) {
  // include routing/serving
  WITH t, a, g
  WHERE
  // include routing/may_take
  WITH a.agent_id AS agent_id, a.last_assigned_at AS last,
       EXISTS { (a)-[:MEMBER_OF]->(g) } AS is_member,
  // include routing/quality
    AS quality
  ORDER BY is_member DESC, quality DESC, coalesce(last, datetime({epochSeconds: 0})), agent_id
  LIMIT $limit
  RETURN collect(agent_id) AS agent_ids
}
RETURN agent_ids, g.team_id AS team
