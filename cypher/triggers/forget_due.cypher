// Deletes counts of which the window is over, of triggers that were evaluated up to a place in the
// log that was its end after that time, and what is due though its trigger asks for something else
// by now, or is gone; $limit at most.
// mode: write
// params: $last: INTEGER, $now: INTEGER, $limit: INTEGER
// returns: number
CYPHER 5
WITH datetime({epochSeconds: $now / 1000000, nanosecond: $now % 1000000 * 1000}) AS now
UNWIND [true, false] AS is_awaited
MATCH (k:TriggerGroup) USING INDEX SEEK k:TriggerGroup(is_awaited, due_at)
WHERE k.is_awaited = is_awaited AND k.due_at <= now AND NOT EXISTS {
  MATCH (s:Subscription {name: k.trigger})
  WHERE s.generation = k.generation AND (is_awaited OR s.position < $last)
}
WITH k LIMIT $limit
DELETE k
RETURN count(*) AS number
