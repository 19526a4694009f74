// The agents that have a task's skills and have a free slot, best first: quality = success_rate *
// (1 - utilization); ties go to whom was given a task least recently. No row: no such task.
// mode: read
// params: task_id, exclude, limit
// returns: agent_ids
CYPHER 5
MATCH (t:Task {task_id: $task_id})
MATCH (l:Lane {key: t.lane})
CALL (t, l) {
  // include routing/serving
  WITH t, a
  WHERE
  // include routing/may_take
  WITH a.agent_id AS agent_id, a.last_assigned_at AS last,
  // include routing/quality
    AS quality
  ORDER BY quality DESC, coalesce(last, datetime({epochSeconds: 0})), agent_id LIMIT $limit
  RETURN collect(agent_id) AS agent_ids
}
RETURN agent_ids
