// Records how the deliveries of a claim went: delivered, to be tried again in `again_after` seconds, or
// given up where that is null. A webhook is disabled where a receiver says `gone`, and where nothing was
// delivered for $failing seconds, or since the first try of what would be given up: so nothing is given up
// of a receiver that takes nothing. Its receiver is slow where a try took $slow milliseconds. A delivery that the claim has lost is
// passed over: another one sends it.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $claim: STRING, $failing: FLOAT, $slow: FLOAT, $attempts: LIST<MAP>
// returns: recorded, disabled
CYPHER 5
MATCH (s:Subscription {name: $subscription})
SET s.lk = 0
WITH s, datetime.realtime() AS now
CALL (s) {
  UNWIND $attempts AS it
  MATCH (s)-[c:SENDS {claim: $claim}]->(d:Delivery {webhook: s.name, event_id: it.event_id})
  DELETE c
  WITH it, d, head(COLLECT {
    MATCH (d)-[:ATTEMPTED]->(a:Attempt) WHERE a.number = 1 RETURN max(a.at)
  }) AS began
  RETURN collect({delivery: d, attempt: it, began: began}) AS found
}
WITH s, now, found, any(x IN found WHERE x.attempt.delivered) AS went_well,
     size([x IN found WHERE NOT x.attempt.delivered]) AS failed,
     head([x IN found WHERE x.attempt.gone | x.attempt.error]) AS gone
WITH s, now, found, went_well, failed, gone,
     CASE WHEN went_well OR failed = 0 THEN null ELSE coalesce(s.failing_since, now) END AS since
WITH s, now, found, went_well, failed, gone, since,
     coalesce(since <= now - duration('PT1S') * $failing, false)
       OR any(x IN found WHERE NOT x.attempt.delivered AND x.attempt.again_after IS NULL
                AND coalesce(since <= x.began, false)) AS fails_long,
     size([x IN found WHERE x.attempt.duration_ms >= $slow]) > 0 AS slow
FOREACH (_ IN CASE WHEN found = [] THEN [] ELSE [1] END | SET s.slow = slow)
FOREACH (_ IN CASE WHEN went_well THEN [1] ELSE [] END |
  SET s.failures = 0
  REMOVE s.failing_since)
FOREACH (_ IN CASE WHEN since IS NULL THEN [] ELSE [1] END |
  SET s.failures = coalesce(s.failures, 0) + failed, s.failing_since = since)
FOREACH (_ IN CASE WHEN gone IS NULL AND NOT fails_long THEN [] ELSE [1] END |
  SET s.disabled_at = now,
      s.disabled_because = coalesce(gone, 'nothing was delivered since ' + toString(since)))
WITH s, now, found, gone, fails_long
CALL (s, now, found, gone, fails_long) {
  UNWIND found AS x
  WITH s, now, gone, fails_long, x.delivery AS d, x.attempt AS it
  SET d.tries = coalesce(d.tries, 0) + 1
  CREATE (d)-[:ATTEMPTED]->(a:Attempt {webhook: s.name, event_id: d.event_id, type: d.type,
    task_id: d.task_id, number: d.tries, at: now, duration_ms: it.duration_ms, status: it.status,
    delivered: it.delivered, error: it.error, answer: it.answer})
  FOREACH (_ IN CASE WHEN it.delivered THEN [1] ELSE [] END |
    SET d.delivered_at = now
    REMOVE d.due_at)
  FOREACH (_ IN CASE WHEN it.delivered THEN [] ELSE [1] END |
    SET d.due_at = now + duration('PT1S')
      * CASE WHEN fails_long OR gone IS NOT NULL THEN 0.0 ELSE coalesce(it.again_after, 0.0) END)
  FOREACH (_ IN CASE
      WHEN it.delivered OR it.again_after IS NOT NULL OR fails_long OR gone IS NOT NULL THEN []
      ELSE [1]
    END |
    SET d.failed_at = now
    REMOVE d.due_at)
  RETURN count(*) AS recorded
}
RETURN recorded, gone IS NOT NULL OR fails_long AS disabled
