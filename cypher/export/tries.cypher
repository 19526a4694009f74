// The tries of some tasks, the first first.
// mode: read
// params: task_ids
// returns: task_id, tries
CYPHER 5
UNWIND $task_ids AS id
MATCH (t:Task {task_id: id})
CALL (t) {
  MATCH (t)-[r:ASSIGNED_TO]->(a)
  WITH r, a ORDER BY r.attempt
  RETURN collect(r {
    .*,
    agent_id: a.agent_id,
    assigned_at: r.assigned_at.epochSeconds * 1000000 + r.assigned_at.microsecond,
    started_at: r.started_at.epochSeconds * 1000000 + r.started_at.microsecond,
    ended_at: r.ended_at.epochSeconds * 1000000 + r.ended_at.microsecond
  }) AS tries
}
RETURN t.task_id AS task_id, tries
