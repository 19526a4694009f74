// The dead letters of an ingest are counted.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_dead_letter_ingest IF NOT EXISTS
FOR (d:DeadLetter) ON (d.ingest)
