// The gates of one status, oldest first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_gate_status_created IF NOT EXISTS
FOR (g:Gate) ON (g.status, g.created_at, g.gate_id)
