// Changes what a task that has not ended asks for. Deadlines that change count from now; that of a
// try counts from its beginning, also for the try that runs. No row means that this was refused, or
// that the task is in another lane than $was, or that there is no lane for it to go to.
// Locks: the task, then the lane that it opens.
// mode: write
// params: $task_id: STRING, $was: STRING, $changes: MAP, $rank: INTEGER, $skills: LIST<STRING>,
//   $currency: STRING, $detail: STRING, $command_id: STRING
// returns: task, dependencies
CYPHER 5
MATCH (t:Task {task_id: $task_id})
SET t.lk = $command_id  // Lock, then read.
WITH t, datetime.realtime() AS now
WHERE t.status IN ['pending', 'assigned', 'running'] AND t.lane = $was
MATCH (l:Lane {key: $changes.lane})
MATCH (s:GraphOrchSchema {name: 'graph_orch'})
WHERE $currency IS NULL OR coalesce(s.currency, $currency) = $currency
FOREACH (_ IN CASE WHEN s.currency IS NULL AND $currency IS NOT NULL THEN [1] ELSE [] END |
  SET s.currency = $currency)
SET t += $changes,
    t.events = t.events + 1
CREATE (t)-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $command_id, type: 'updated', at: now, attempt: t.attempt,
  seq: t.events, command_id: $command_id, detail: $detail
})
WITH t, l, s, now
CALL (t) {
  WITH t WHERE $skills IS NOT NULL
  CALL (t) { MATCH (t)-[r:REQUIRES]->() DELETE r }
  CALL (t) {
    UNWIND $skills AS key
    MATCH (k:Skill {key: key})
    CREATE (t)-[:REQUIRES]->(k)
    RETURN collect(k.name) AS names
  }
  SET t.requirements = names
}
CALL (t) {
  MATCH (w:Workflow {workflow_id: t.workflow_id}) WHERE w.close_by IS NOT NULL
  RETURN min(w.close_by) AS workflow_closes
}
WITH t, l, now, workflow_closes, now + duration('PT1S') * t.schedule_to_close_seconds AS closes,
     coalesce(toInteger(s.aging_seconds * 1000000), 100000000000000000) AS step
SET t.queue_key = CASE WHEN $rank IS NULL THEN t.queue_key
      ELSE $rank * step + t.created_at.epochSeconds * 1000000 + t.created_at.microsecond END,
    t.finish_by = CASE WHEN t.status = 'running'
      THEN t.started_at + duration('PT1S') * t.start_to_close_seconds END,
    t.close_by = CASE WHEN NOT 'schedule_to_close_seconds' IN keys($changes) THEN t.close_by
      WHEN closes < workflow_closes THEN closes ELSE coalesce(workflow_closes, closes) END
SET t.ready_key = CASE WHEN t.ready_key IS NOT NULL THEN t.queue_key END,
    t.start_by = CASE WHEN NOT 'schedule_to_start_seconds' IN keys($changes) THEN t.start_by
      WHEN t.ready_key IS NOT NULL THEN now + duration('PT1S') * t.schedule_to_start_seconds END
SET t.due_at = INCLUDE tasks/soonest
WITH t, l
CALL (t, l) {
  WITH t, l WHERE t.ready_key IS NOT NULL
  INCLUDE tasks/open_lane
}
RETURN INCLUDE tasks/answer
