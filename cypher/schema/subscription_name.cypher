// A subscription is found by its name.
// mode: schema
// seconds: 3600
CYPHER 5
CREATE CONSTRAINT graph_orch_subscription_name IF NOT EXISTS
FOR (s:Subscription) REQUIRE s.name IS UNIQUE
