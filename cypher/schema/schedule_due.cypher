// The schedules are found by their next tick; those that are paused have none.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_schedule_due IF NOT EXISTS
FOR (s:Schedule) ON (s.next_at)
