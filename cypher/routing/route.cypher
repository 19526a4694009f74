// Returns the agents that have what a task needs and a free slot, the best first: those that have more of
// the labels that it prefers, by their weights; then quality = success_rate * (1 - utilization), and among
// equals the agent that was given a task least recently. No row means that there is no such task.
// mode: read
// params: $task_id: STRING, $exclude: LIST<STRING>, $limit: INTEGER
// returns: agent_ids
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
CALL (t, l) {
  INCLUDE routing/serving
  WITH t, l, a
  WHERE INCLUDE routing/may_take
  WITH a.agent_id AS agent_id, a.last_assigned_at AS last, INCLUDE routing/quality AS quality,
       INCLUDE agents/bonus AS bonus
  ORDER BY bonus DESC, quality DESC, coalesce(last, datetime({epochSeconds: 0})), agent_id LIMIT $limit
  RETURN collect(agent_id) AS agent_ids
}
RETURN agent_ids
