// The ready tasks of one lane are read in order, the best first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_task_lane_ready IF NOT EXISTS
FOR (t:Task) ON (t.lane, t.ready_key)
