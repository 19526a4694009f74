// Lets a webhook send again. No row means that there is no such webhook.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING
// returns: webhook
CYPHER 5
MATCH (s:Subscription {name: $subscription}) WHERE s.deliver = 'webhook'
REMOVE s.disabled_at, s.disabled_because, s.failing_since
SET s.failures = 0
RETURN INCLUDE webhooks/row AS webhook
