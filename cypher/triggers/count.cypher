// Adds to how much a firing has changed.
// Locks: the firing.
// mode: write
// params: $key: STRING, $number: INTEGER
// returns: changed
CYPHER 5
MATCH (f:Firing {key: $key})
SET f.changed = coalesce(f.changed, 0) + $number
RETURN f.changed AS changed
