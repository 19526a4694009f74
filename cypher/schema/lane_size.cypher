// The lanes that require nothing.
// mode: schema
CYPHER 5
CREATE INDEX graph_orch_lane_size IF NOT EXISTS
FOR (l:Lane) ON (l.size)
