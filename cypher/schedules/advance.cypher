// Moves a schedule on from the tick that was due, in the transaction that creates the task of the
// tick. No row means that another process did so first, or that the schedule was put anew, paused
// or removed.
// Locks: the schedule, before whatever its task needs.
// mode: write
// params: $schedule: STRING, $due_at: ZONED DATETIME, $tick: ZONED DATETIME,
//   $next_at: ZONED DATETIME, $command_id: STRING
// returns: name
CYPHER 5
MATCH (s:Schedule {name: $schedule})
SET s.lk = $command_id  // Lock, then read.
WITH s WHERE s.next_at = $due_at
SET s.last_at = $tick, s.next_at = $next_at
RETURN s.name AS name
