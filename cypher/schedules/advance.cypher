// Move a schedule on from the tick that was due, in the transaction that creates the tick's task.
// No row: somebody else did, or it was put anew, paused or removed.
// mode: write
// params: schedule, due_at, tick, next_at, command_id
// returns: name
CYPHER 5
MATCH (s:Schedule {name: $schedule})
SET s.lk = $command_id  // lock, then read; a schedule is locked before whatever its task needs
WITH s WHERE s.next_at = $due_at
SET s.last_at = $tick, s.next_at = $next_at
RETURN s.name AS name
