// Says how firings ended that this process took: done, failed or stopped, or to be tried again after
// `seconds`. One that another has taken since is left to that.
// Locks: the firings, ascending.
// mode: write
// params: $rows: LIST<MAP>
// returns: firing
CYPHER 5
UNWIND $rows AS row
MATCH (f:Firing {key: row.key})
SET f.lk = 0
WITH f, row, datetime.realtime() AS now
WHERE f.tries = row.tries AND (f:PendingFiring OR f.status = row.status)  // or asked for again
SET f.status = row.status, f.error = row.error, f.made = row.made, f.function = row.function, f.taken_by = null,
    f.due_at = CASE WHEN row.status = 'pending' THEN now + duration('PT1S') * row.seconds END
FOREACH (_ IN CASE WHEN row.status = 'pending' THEN [] ELSE [1] END |
  REMOVE f:PendingFiring
  SET f.finished_at = now)
FOREACH (_ IN CASE WHEN row.status IN ['failed', 'stopped'] THEN [1] ELSE [] END | SET f:FailedFiring)
RETURN INCLUDE triggers/firing_row AS firing
