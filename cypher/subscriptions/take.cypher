// Lets $reader be the one who reads a subscription, for $seconds from now: who it is already, or where
// nobody is. `seconds_left`: how long another one may read it still. `deliver`: nobody takes a webhook or a
// trigger, which are not read. No row means that there is no such subscription.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $reader: STRING, $seconds: FLOAT
// returns: taken, seconds_left, deliver
CYPHER 5
MATCH (s:Subscription {name: $subscription})
SET s.lk = 0
WITH s, datetime.realtime() AS now
WITH s, now, NOT s.deliver IN ['webhook', 'trigger']
       AND (s.reader = $reader OR coalesce(s.lease_until <= now, true)) AS taken,
     (s.lease_until.epochMillis - now.epochMillis) / 1000.0 AS seconds_left
FOREACH (_ IN CASE WHEN taken THEN [1] ELSE [] END |
  SET s.reader = $reader, s.lease_until = now + duration('PT1S') * $seconds)
RETURN taken, coalesce(seconds_left, 0.0) AS seconds_left, s.deliver AS deliver
