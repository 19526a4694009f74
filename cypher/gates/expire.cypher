// open -> expired, for a gate whose time is over; with a default it is decided by that instead.
// Locks: the gate.
// mode: write
// params: $gate_id: STRING, $command_id: STRING
// returns: gate_id
CYPHER 5
MATCH (g:Gate {gate_id: $gate_id})
SET g.lk = $command_id
WITH g, datetime.realtime() AS now WHERE g.status = 'open' AND g.expires_at <= now
SET g.status = coalesce(g.default, 'expired'), g.decided_at = g.expires_at, g.due_at = now
RETURN g.gate_id AS gate_id
