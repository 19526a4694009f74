// Creates a gate, and lets pending tasks wait at it. `task_ids` are those that wait: a task that is
// not pending is not among them. A gate_id that exists fails on its constraint.
// Locks: the tasks, ascending.
// mode: write
// params: $gate: MAP, $expires_seconds: FLOAT, $task_ids: LIST<STRING>, $detail: STRING,
//   $command_id: STRING
// returns: gate, task_ids
CYPHER 5
CREATE (g:Gate)
SET g = $gate, g.status = 'open', g.created_at = datetime.realtime()
WITH g, g.created_at + duration('PT1S') * $expires_seconds AS expires_at
SET g.expires_at = expires_at, g.due_at = expires_at
FOREACH (_ IN CASE WHEN g.expires_at IS NULL THEN [] ELSE [1] END | SET g:Due)
WITH g
CALL (g) {
  UNWIND $task_ids AS id
  MATCH (t:Task {task_id: id})
  WITH g, t ORDER BY t.task_id
  SET t.lk = $command_id
  WITH g, t, datetime.realtime() AS now WHERE t.status = 'pending'
  CREATE (t)-[:WAITS_FOR]->(g)
  REMOVE t:DelayedTask
  SET t.unmet = t.unmet + 1, t.events = t.events + 1
  CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
    event_id: $command_id + ':' + t.task_id, type: 'dependency_added', at: now,
    attempt: t.attempt, seq: t.events, command_id: $command_id, detail: $detail
  })
  WITH t, now
  INCLUDE tasks/ready_again
  RETURN collect(t.task_id) AS task_ids
}
RETURN INCLUDE gates/row AS gate, task_ids
