// Takes firings that are due, for $seconds, with all that is needed to do them: `depth` says how many
// triggers stand in a row, this one included: those behind the task of its event, by what each
// created, started or spawned. Only those that call $function are taken; '' stands for none. One that was
// taken $most times before and never ended is left to triggers/give_up; one that was taken before and never ended is
// taken alone, as its process may have died of it, and those beside it would have their tries counted for it.
// Asked again with the same command_id, it answers with what it took before too. `event` is null where it has been deleted since.
// Locks: the firings, ascending.
// mode: write
// params: $function: STRING, $seconds: FLOAT, $limit: INTEGER, $most: INTEGER, $command_id: STRING
// returns: firing, function, detail, trigger, event, task_id, task_type, workflow_id
CYPHER 5
CALL () {
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(function, due_at)
  WHERE f.function = $function AND f.due_at <= datetime.realtime()
    AND CASE WHEN f.taken_by IS NULL THEN true ELSE f.tries < $most END  // OR is planned as a union
  WITH f ORDER BY f.due_at LIMIT $limit
  WITH collect(f) AS found
  UNWIND CASE WHEN found[0].taken_by IS NOT NULL THEN found[..1]
    ELSE [it IN found WHERE it.taken_by IS NULL] END AS f
  RETURN f
  UNION
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(taken_by)
  WHERE f.taken_by = $command_id
  RETURN f
}
WITH f ORDER BY f.key
SET f.lk = 0  // Lock, then read.
WITH f, datetime.realtime() AS now
WHERE f:PendingFiring AND (f.taken_by = $command_id
  OR f.due_at <= now AND (f.taken_by IS NULL OR f.tries < $most))
OPTIONAL MATCH (s:Subscription {name: f.trigger}) WHERE s:Trigger
OPTIONAL MATCH (e:TaskEvent {event_id: f.event_id})<-[:HAS_EVENT]-(t:Task)
CALL (t) {
  MATCH (t)<-[:SPAWNED*0..100]-(p:Task)
  WITH p.idempotency_key AS key, p.workflow_id AS flow
  UNWIND [key, flow] + CASE WHEN key CONTAINS '/'
    THEN [left(key, size(key) - size(split(key, '/')[-1]) - 1)] ELSE [] END AS made_by
  MATCH (b:Firing {key: made_by})
  RETURN coalesce(max(b.depth), 0) AS behind
}
SET f.tries = CASE WHEN f.taken_by = $command_id THEN f.tries ELSE f.tries + 1 END,
    f.taken_by = $command_id, f.due_at = now + duration('PT1S') * $seconds, f.depth = behind + 1
RETURN INCLUDE triggers/firing_row AS firing, f.function AS function, f.detail AS detail, properties(s) AS trigger,
       CASE WHEN e IS NULL THEN null ELSE INCLUDE events/row END AS event,
       t.task_id AS task_id, t.task_type AS task_type, t.workflow_id AS workflow_id
