// Ends as failed the firings that were taken $most times and never ended, as processes died of them, and those
// whose function no process has called for $seconds; $limit at most of each.
// Locks: the firings, ascending.
// mode: write
// params: $most: INTEGER, $seconds: FLOAT, $limit: INTEGER, $vanished: STRING, $uncalled: STRING
// returns: firing
CYPHER 5
WITH datetime.realtime() AS now
WITH now, now - duration('PT1S') * $seconds AS long_ago
CALL (now, long_ago) {
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(function, due_at)
  WHERE f.function > '' AND f.due_at <= long_ago
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
    f.error = CASE WHEN has_vanished THEN $vanished + toString(f.tries) ELSE $uncalled + f.function END
REMOVE f:PendingFiring
SET f:FailedFiring
RETURN INCLUDE triggers/firing_row AS firing
