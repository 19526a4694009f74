// Says that a subscription was read after it had gone back so often: what is acknowledged from now on
// counts again.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $replays: INTEGER
// returns: replays
CYPHER 5
MATCH (s:Subscription {name: $subscription})
SET s.lk = 0
WITH s WHERE coalesce(s.heeded, 0) < $replays
SET s.heeded = $replays
RETURN s.replays AS replays
