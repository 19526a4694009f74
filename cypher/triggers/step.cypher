// Lets a firing take its next step: one that is at $from goes to $to, together with what the rest of the
// transaction does, and so each step is taken once. `moved` is false where it is elsewhere, at `place`: somebody
// has taken this step. Where it came to that place by other work than $work, it begins anew, and has changed nothing.
// Whoever took the firing has it for $seconds more: what takes many steps would else be taken by another.
// No row means that it was removed, has ended, or was taken by another than $taken_by.
// Locks: the firing.
// mode: write
// params: $key: STRING, $taken_by: STRING, $seconds: FLOAT, $work: STRING, $from: STRING, $to: STRING
// returns: moved, place, changed
CYPHER 5
MATCH (f:Firing {key: $key})
SET f.lk = 0
WITH f WHERE f:PendingFiring AND f.taken_by = $taken_by
SET f.due_at = datetime.realtime() + duration('PT1S') * $seconds
FOREACH (_ IN CASE WHEN coalesce(f.work = $work, false) THEN [] ELSE [1] END |
  SET f.work = $work, f.place = null, f.changed = null)
WITH f, coalesce(f.place, '') = $from AS moved
FOREACH (_ IN CASE WHEN moved THEN [1] ELSE [] END | SET f.place = $to)
RETURN moved, f.place AS place, coalesce(f.changed, 0) AS changed
