// Gives a held task back until something has come to pass, assigned or running -> pending: so many
// seconds, the end of other tasks ($awaits), the decision at gates that it asks here. No retry is
// spent and no failure is counted. Tasks that have ended are not waited for. No row means that this
// was refused.
// Locks: the agent, the limit, the task, then the tasks that it waits for, ascending.
// mode: write
// params: $task_id: STRING, $attempt: INTEGER, $seconds: FLOAT, $awaits: LIST<STRING>,
//   $gates: LIST<MAP>, $steps: LIST<MAP>, $detail: STRING, $used: LIST<INTEGER>,
//   $command_id: STRING
// returns: task, dependencies
CYPHER 5
INCLUDE tasks/lock_held
SET t.events = t.events + 1,
    r.ended_at = now,
    r.outcome = 'suspended',
    r.duration_ms = INCLUDE tasks/elapsed_ms,
    r.used = coalesce($used, r.used),
    a.active_tasks = a.active_tasks - 1
INCLUDE tasks/settle
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $command_id, type: 'suspended', at: now, attempt: t.attempt,
  seq: t.events, agent_id: a.agent_id, command_id: $command_id, detail: $detail
})
WITH t, now
CALL (t) {
  UNWIND $steps AS row
  INCLUDE tasks/add_step
}
CALL (t, now) {
  UNWIND $gates AS row
  WITH t, row, now, now + duration('PT1S') * row.expires_seconds AS expires_at
  CREATE (t)-[:WAITS_FOR {key: row.key}]->(g:Gate)
  SET g = row.gate, g.asked = true, g.status = 'open', g.created_at = now, g.expires_at = expires_at,
      g.due_at = expires_at
  FOREACH (_ IN CASE WHEN expires_at IS NULL THEN [] ELSE [1] END | SET g:Due)
}
CALL (t) {
  UNWIND $awaits AS id
  MATCH (d:Task {task_id: id}) WHERE d <> t
  WITH t, d ORDER BY d.task_id
  SET d.lk = 0
  WITH t, d WHERE d.status IN ['pending', 'assigned', 'running']
  MERGE (t)-[:AWAITS]->(d)
}
INCLUDE tasks/take_back
SET t.unmet = INCLUDE tasks/count_unmet,
    t.available_at = CASE WHEN $seconds > 0 THEN now + duration('PT1S') * $seconds
                          ELSE t.available_at END
INCLUDE tasks/ready_again
RETURN INCLUDE tasks/answer
