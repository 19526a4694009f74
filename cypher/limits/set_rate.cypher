// Sets how often tasks with a concurrency key may begin: one in each interval, and $burst at once after
// a time without any. Where these are null, as often as it comes. How many may be held at once stays
// as it was set; where nobody has set it, that is 1 without a rate, and not limited with one.
// Locks: the limit.
// mode: write
// params: $key: STRING, $interval_seconds: FLOAT, $burst: INTEGER
// returns: limit
CYPHER 5
MERGE (x:Limit {key: $key})
ON CREATE SET x.active = 0, x.unset = true
SET x.burst = $burst, x.interval_seconds = $interval_seconds
REMOVE x.next_at
WITH x
FOREACH (_ IN CASE WHEN x.unset THEN [1] ELSE [] END |
  SET x.max = CASE WHEN $burst IS NULL THEN 1 END)
RETURN properties(x) AS limit
