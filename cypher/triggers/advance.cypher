// Moves triggers on in the log, with what each keeps from here on and its firings: all of a trigger,
// or nothing where it is not at the turn and the place that its row was made for. A row of what was asked
// (triggers/ask) has no place: what else moves on meanwhile is no reason to drop it, and it holds where the trigger
// still asks for the same and knows the same to be `present`. Returns those that moved.
// Locks: the triggers, ascending.
// mode: write
// params: $rows: LIST<MAP>
// returns: name
CYPHER 5
UNWIND $rows AS row
MATCH (s:Subscription {name: row.name})
SET s.lk = 0  // Lock, then read.
WITH s, row, datetime.realtime() AS now WHERE s:Trigger
  AND CASE WHEN row.known IS NULL THEN s.turn = row.turn AND s.position = row.at
      ELSE s.generation = row.generation AND coalesce(s.present, []) = row.known END
SET s.position = coalesce(row.position, s.position), s.turn = s.turn + 1, s.present = coalesce(row.present, s.present)
FOREACH (_ IN row.firings[..1] | SET s.fired = s.fired + size(row.firings), s.fired_at = now)
WITH *
CALL (s, row) {
  UNWIND row.keep AS it
  MERGE (k:TriggerGroup {key: it.key})
  SET k.trigger = s.name, k.generation = s.generation, k.values = it.values,
      k.position = it.position, k.event_id = it.event_id,
      k.times = [at IN it.times |
        datetime({epochSeconds: at / 1000000, nanosecond: at % 1000000 * 1000})],
      k.due_at = CASE WHEN it.due IS NOT NULL THEN
        datetime({epochSeconds: it.due / 1000000, nanosecond: it.due % 1000000 * 1000}) END,
      k.is_awaited = it.is_awaited
}
CALL (row) {
  UNWIND row.drop AS key
  MATCH (k:TriggerGroup {key: key})
  DELETE k
}
CALL (s, row, now) {
  UNWIND row.firings AS it
  MERGE (f:Firing {key: it.key})
  ON CREATE SET f:PendingFiring, f.trigger = s.name, f.position = it.position,
    f.event_id = it.event_id, f.values = it.values, f.detail = it.detail, f.at = now,
    f.due_at = now, f.status = 'pending', f.tries = 0, f.function = coalesce(s.function, '')
}
RETURN s.name AS name
