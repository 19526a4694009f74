// Sets how many tasks with a concurrency key may be held at once, in all.
// mode: write
// params: $key: STRING, $max: INTEGER
// returns: key, max, active
CYPHER 5
MERGE (x:Limit {key: $key})
ON CREATE SET x.active = 0
SET x.max = $max
RETURN x.key AS key, x.max AS max, x.active AS active
