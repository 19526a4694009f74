// open -> approved, rejected or answered, by somebody who may decide it. It is due from then on,
// until every task that waits at it was looked at, see gates/release. No row means that this was
// refused.
// Locks: the gate.
// mode: write
// params: $gate_id: STRING, $status: STRING, $by: STRING, $comment: STRING, $payload: STRING,
//   $command_id: STRING
// returns: gate, task_ids, waiting
CYPHER 5
MATCH (g:Gate {gate_id: $gate_id})
SET g.lk = $command_id  // lock, then read
WITH g, datetime.realtime() AS now
WHERE g.status = 'open' AND coalesce(g.expires_at > now, true)
  AND (size(g.approvers) = 0 OR $by IN g.approvers)
SET g:Due, g.status = $status, g.decided_by = $by, g.decided_at = now, g.comment = $comment,
    g.payload = $payload, g.decision_id = $command_id, g.due_at = now + duration('PT10S')
RETURN INCLUDE gates/row AS gate, [] AS task_ids, COUNT { (g)<-[:WAITS_FOR]-() } AS waiting
