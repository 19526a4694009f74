// The tries of a webhook are read the last one first.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_attempt_at IF NOT EXISTS
FOR (a:Attempt) ON (a.webhook, a.at)
