// Keeps claims: it extends each lease by what it was claimed for, and records the progress. Where a
// row says for how long the work has gone on (`ran_ms`), it records that too if that was not told
// before. Every row comes back with how its task stands, and `kept` says whether the claim still
// holds.
// Locks: the agent, then the tasks, ascending.
// mode: write
// params: $rows: LIST<MAP>, $agent_id: STRING
// returns: task_id, attempt, kept, status, current_attempt, lease_expires_at
CYPHER 5
CALL () { MATCH (a:Agent {agent_id: $agent_id}) SET a.last_seen_at = datetime() }
UNWIND $rows AS row
OPTIONAL MATCH (t:Task {task_id: row.task_id})
WITH row, t ORDER BY row.task_id
SET t.lk = 0  // Lock, then read.
WITH row, t, datetime.realtime() AS now
WITH row, t, now,
     t.status IN ['assigned', 'running'] AND t.attempt = row.attempt AS kept
CALL (row, t, now, kept) {
  WITH row, t, now, row.ran_ms AS ran_ms, row.event_id AS event_id, row.event_id AS command_id
  WHERE kept AND t.status = 'assigned' AND ran_ms IS NOT NULL
  MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt
  INCLUDE tasks/began
}
CALL (row, t, kept) {
  WITH row, t WHERE kept AND row.used IS NOT NULL
  MATCH (t)-[r:ASSIGNED_TO]->(a) WHERE r.attempt = t.attempt
  SET r.used = row.used
}
CALL (row, t, now, kept) {
  WITH row, t, now WHERE kept
  SET t.lease_seconds = coalesce(row.lease_seconds, t.lease_seconds),
      t.lease_expires_at =
        now + duration('PT1S') * coalesce(row.lease_seconds, t.lease_seconds),
      t.progress = coalesce(row.progress, t.progress),
      t.progress_message = coalesce(row.message, t.progress_message)
  INCLUDE tasks/due
}
RETURN row.task_id AS task_id, row.attempt AS attempt, coalesce(kept, false) AS kept,
       t.status AS status, t.attempt AS current_attempt,
       t.lease_expires_at.epochSeconds * 1000000
         + t.lease_expires_at.microsecond AS lease_expires_at
