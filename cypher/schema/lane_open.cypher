// The lanes that may hold ready tasks are found by the rarest of their skills.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_lane_open IF NOT EXISTS
FOR (l:Lane) ON (l.open_for)
