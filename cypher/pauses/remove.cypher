// Lets go on what was paused; an agent whose circuit breaker paused it gets all its slots again. Other
// pauses end, and are due: pauses/look puts back what they withheld, and deletes them.
// Locks: the agent, or the pause.
// mode: write
// params: $kind: STRING, $id: STRING, $key: STRING
// returns: was_paused
CYPHER 5
CALL () {
  MATCH (a:Agent {agent_id: $id}) WHERE $kind = 'agent'
  SET a.lk = 0
  WITH a, a.paused_at IS NOT NULL AND coalesce(a.paused_until > datetime.realtime(), true) AS is_paused
  REMOVE a.paused_at, a.paused_until, a.paused_reason, a.paused_by, a.failures_in_row
  RETURN count(CASE WHEN is_paused THEN a END) AS agents
}
CALL () {
  MATCH (p:Pause {key: $key})
  SET p.lk = 0
  WITH p, datetime.realtime() AS now
  WHERE coalesce(p.until > now, true)
  SET p.until = now, p.due_at = now
  RETURN count(p) AS pauses
}
RETURN agents + pauses > 0 AS was_paused
