// An event has one delivery to a webhook.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_delivery_event IF NOT EXISTS
FOR (d:Delivery) REQUIRE (d.webhook, d.event_id) IS UNIQUE
