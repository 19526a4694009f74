// Deliveries that were made are found by when, to be forgotten after a time.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_delivery_made IF NOT EXISTS
FOR (d:Delivery) ON (d.webhook, d.delivered_at)
