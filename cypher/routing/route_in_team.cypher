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
  WHERE a.active_tasks < a.max_concurrent_tasks AND NOT a.agent_id IN $exclude
    AND NOT a.agent_id IN coalesce(t.excluded_agents, [])
  WITH a.agent_id AS agent_id, a.last_assigned_at AS last,
       EXISTS { (a)-[:MEMBER_OF]->(g) } AS is_member,
       a.success_rate * (1.0 - toFloat(a.active_tasks) / a.max_concurrent_tasks) AS quality
  ORDER BY is_member DESC, quality DESC, coalesce(last, datetime({epochSeconds: 0})), agent_id
  LIMIT $limit
  RETURN collect(agent_id) AS agent_ids
}
RETURN agent_ids, g.team_id AS team
