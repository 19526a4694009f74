// Moves a subscription forward to a place in the log, never back, unless $back; who reads it has it for
// $seconds more, or gives it up where that is 0. After it went back it moves forward only for who has read
// it since, so that it has gone back $replays times; where that is null, as the caller has not read it, once anybody has
// (`heeded`): what was read before does not undo that. It stays where somebody else than $reader reads it
// (`held`), also who delivers or evaluates it, and where the place is beyond the end of the log (`last`). No row means
// that there is no such subscription.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $reader: STRING, $position: INTEGER, $back: BOOLEAN, $seconds: FLOAT,
//   $replays: INTEGER
// returns: held, last, subscription
CYPHER 5
MATCH (s:Subscription {name: $subscription})
SET s.lk = 0
WITH s, datetime.realtime() AS now
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH s, now, coalesce(g.last, 0) AS last,
     CASE WHEN s.deliver = 'trigger' THEN true
          WHEN s.deliver = 'webhook' OR $back THEN NOT $back
          WHEN $reader IS NULL THEN coalesce(s.lease_until > now, false)
          ELSE coalesce(s.reader <> $reader, true) END AS held
FOREACH (_ IN CASE WHEN held OR $position > last THEN [] ELSE [1] END |
  SET s.position = CASE
        WHEN $back OR s.position < $position AND coalesce(s.replays, 0) = coalesce($replays, s.heeded, 0) THEN $position
        ELSE s.position END,
      s.replays = CASE WHEN $back THEN coalesce(s.replays, 0) + 1 ELSE s.replays END)
FOREACH (_ IN CASE WHEN held OR $reader IS NULL OR $seconds = 0 THEN [] ELSE [1] END |
  SET s.lease_until = now + duration('PT1S') * $seconds)
FOREACH (_ IN CASE WHEN NOT held AND $reader IS NOT NULL AND $seconds = 0 THEN [1] ELSE [] END |
  REMOVE s.reader, s.lease_until)
RETURN held, last, INCLUDE subscriptions/row AS subscription
