// Deliveries that were given up are found, to be made again, or forgotten after a time.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_delivery_failed IF NOT EXISTS
FOR (d:Delivery) ON (d.webhook, d.failed_at)
