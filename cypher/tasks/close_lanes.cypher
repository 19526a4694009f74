// Closes lanes that an agent would serve and that have no ready task, so that they are found no
// more. A lane is closed when it was found empty a second time, $grace_seconds after the first. A
// transaction that makes a task ready opens its lane, and writes nothing where the lane is open and
// was not found empty: such a transaction is not seen here while it is under way, but it ends
// within the time that transactions have, which is less than the grace.
// Locks: the lanes, ascending; each is read again under its lock.
// mode: write
// params: $agent_id: STRING, $limit: INTEGER, $grace_seconds: FLOAT, $command_id: STRING
// returns: closed
CYPHER 5
MATCH (a:Agent {agent_id: $agent_id})
WITH INCLUDE agents/has AS mine, datetime.realtime() AS now
WITH mine, now, now - duration('PT1S') * $grace_seconds AS long_ago
CALL (mine, long_ago) {
  MATCH (l:Lane) USING INDEX SEEK l:Lane(open_for)
  WHERE l.open_for IN mine AND coalesce(l.empty_since <= long_ago, true)
    AND NOT EXISTS {
      MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key)
      WHERE t.lane = l.key AND t.ready_key >= 0
    }
  RETURN l.key AS key ORDER BY key LIMIT $limit
}
MATCH (l:Lane {key: key})
SET l.lk = $command_id
WITH key, now, long_ago
MATCH (l:Lane {key: key})
WHERE NOT EXISTS {
  MATCH (t:Task) USING INDEX SEEK t:Task(lane, ready_key) WHERE t.lane = key AND t.ready_key >= 0
}
WITH l, now, l.empty_since <= long_ago AS closing
FOREACH (_ IN CASE WHEN closing THEN [1] ELSE [] END | REMOVE l.open_for, l.empty_since)
FOREACH (_ IN CASE WHEN closing IS NULL THEN [1] ELSE [] END | SET l.empty_since = now)
RETURN count(CASE WHEN closing THEN l END) AS closed
