// The dead letters of an ingest that are to be tried again.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_dead_letter_retry IF NOT EXISTS
FOR (d:DeadLetter) ON (d.ingest, d.retry_at)
