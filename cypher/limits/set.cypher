// Sets how many tasks with a concurrency key may be held at once, in all.
// Locks: the limit.
// mode: write
// params: $key: STRING, $max: INTEGER
// returns: limit
CYPHER 5
MERGE (x:Limit {key: $key})
ON CREATE SET x.active = 0
SET x.max = $max
REMOVE x.unset
RETURN properties(x) AS limit
