// Deliveries are found by when they are due; those that have ended are not.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_delivery_due IF NOT EXISTS
FOR (d:Delivery) ON (d.webhook, d.due_at)
