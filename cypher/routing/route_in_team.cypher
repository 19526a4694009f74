// Does what routing/route does, and puts agents of the team that the task comes from before all
// others. `team` is the id of that team, null where there is none. No row means that there is no
// such task.
// mode: read
// params: $task_id: STRING, $exclude: LIST<STRING>, $team: STRING, $limit: INTEGER
// returns: agent_ids, team
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
INCLUDE routing/origin
CALL (t, l, g) {
  INCLUDE routing/serving
  WITH t, l, a, g
  WHERE INCLUDE routing/may_take
  WITH a.agent_id AS agent_id, a.last_assigned_at AS last, INCLUDE agents/bonus AS bonus,
       EXISTS { (a)-[:MEMBER_OF]->(g) } AS is_member, INCLUDE routing/quality AS quality
  ORDER BY is_member DESC, bonus DESC, quality DESC, coalesce(last, datetime({epochSeconds: 0})), agent_id
  LIMIT $limit
  RETURN collect(agent_id) AS agent_ids
}
RETURN agent_ids, g.team_id AS team
