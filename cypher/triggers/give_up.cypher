// Ends as failed the firings that were taken $most times and never ended, as processes died of them, and those
// that are due for $seconds, where no process has taken any of their function since; $limit at most of each. One
// that was taken since has ended since, or is due again later than then.
// Locks: the firings, ascending.
// mode: write
// params: $most: INTEGER, $seconds: FLOAT, $limit: INTEGER, $vanished: STRING, $uncalled: STRING
// returns: firing
CYPHER 5
WITH datetime.realtime() AS now
WITH now, now - duration('PT1S') * $seconds AS long_ago
CALL (now, long_ago) {
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(due_at)
  WHERE f.due_at <= long_ago AND f.function > ''
  WITH f.function AS function, collect(f) AS late, long_ago
  WHERE NOT EXISTS {
    MATCH (d:PendingFiring) USING INDEX SEEK d:PendingFiring(function, due_at)
    WHERE d.function = function AND d.due_at > long_ago AND d.tries > 0
  } AND NOT EXISTS {
    MATCH (d:Firing) USING INDEX SEEK d:Firing(finished_at)
    WHERE d.finished_at > long_ago AND d.function = function AND d.tries > 0
      AND NOT coalesce(d.error STARTS WITH $uncalled, false)  // nobody took it when it was given up
  }
  UNWIND late AS f
  RETURN f LIMIT $limit
  UNION
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(taken_by)
  WHERE f.taken_by > '' AND f.tries >= $most AND f.due_at <= now
  RETURN f LIMIT $limit
}
WITH f, now, long_ago ORDER BY f.key
SET f.lk = 0
WITH f, now, f.function > '' AND f.due_at <= long_ago AS is_uncalled,
     f.taken_by IS NOT NULL AND f.tries >= $most AND f.due_at <= now AS has_vanished
WHERE f:PendingFiring AND (is_uncalled OR has_vanished)
SET f.status = 'failed', f.finished_at = now, f.due_at = null, f.taken_by = null,
    f.error = CASE WHEN has_vanished THEN $vanished ELSE $uncalled + f.function END
REMOVE f:PendingFiring
SET f:FailedFiring
RETURN INCLUDE triggers/firing_row AS firing
