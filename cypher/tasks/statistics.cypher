// Returns what is counted of the queue, from the count store, the sums of the agents and three
// index seeks. Nothing here reads the history.
// mode: read
// returns: pending, blocked, delayed, due, assigned, running, completed, failed, cancelled,
//   duration_ms, timed, oldest_ready_age_seconds
CYPHER 5
CALL () { MATCH (t:PendingTask) RETURN count(t) AS pending }
CALL () { MATCH (t:BlockedTask) RETURN count(t) AS blocked }
CALL () { MATCH (t:DelayedTask) RETURN count(t) AS delayed }
CALL () { MATCH (t:AssignedTask) RETURN count(t) AS assigned }
CALL () { MATCH (t:RunningTask) RETURN count(t) AS running }
CALL () { MATCH (t:CompletedTask) RETURN count(t) AS completed }
CALL () { MATCH (t:FailedTask) RETURN count(t) AS failed }
CALL () { MATCH (t:CancelledTask) RETURN count(t) AS cancelled }
INCLUDE tasks/is_due
CALL () {
  MATCH (a:Agent|RetiredAgent)
  RETURN sum(a.queue_ms) AS duration_ms, sum(a.queue_completed) AS timed
}
CALL () {
  UNWIND ['high', 'medium', 'low'] AS priority
  CALL (priority) {
    MATCH (t:Task) USING INDEX SEEK t:Task(priority, ready_key)
    WHERE t.priority = priority AND t.ready_key >= 0
    RETURN t ORDER BY t.priority, t.ready_key LIMIT 1
  }
  WITH CASE WHEN t.available_at > t.created_at THEN t.available_at ELSE t.created_at END AS since
  RETURN min(since) AS since
}
RETURN pending, blocked, delayed, due, assigned, running, completed, failed, cancelled,
       duration_ms, timed,
       duration.inSeconds(since, datetime()).milliseconds / 1000.0 AS oldest_ready_age_seconds
