// Returns how many pending tasks wait at open gates.
// mode: read
// returns: number
CYPHER 5
MATCH (g:Gate) USING INDEX SEEK g:Gate(status, created_at, gate_id)
WHERE g.status = 'open' AND g.created_at IS NOT NULL AND g.gate_id IS NOT NULL
MATCH (g)<-[:WAITS_FOR]-(t:Task) WHERE t.status = 'pending'
RETURN count(DISTINCT t) AS number
