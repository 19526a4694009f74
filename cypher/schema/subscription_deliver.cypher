// Subscriptions are found by where they deliver.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE INDEX graph_orch_subscription_deliver IF NOT EXISTS
FOR (s:Subscription) ON (s.deliver)
