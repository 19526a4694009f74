// Lets a firing take its next step: one that is at $from goes to $to, together with what the rest of the
// transaction does, and so each step is taken once. `moved` is false where it is elsewhere, at `place`: somebody
// has taken this step. No row means that it was removed.
// Locks: the firing.
// mode: write
// params: $key: STRING, $from: STRING, $to: STRING
// returns: moved, place, changed
CYPHER 5
MATCH (f:Firing {key: $key})
SET f.lk = 0
WITH f, coalesce(f.place, '') = $from AS moved
FOREACH (_ IN CASE WHEN moved THEN [1] ELSE [] END | SET f.place = $to)
RETURN moved, f.place AS place, coalesce(f.changed, 0) AS changed
