// Returns where a webhook sends to, and by which secrets that is signed.
// mode: read
// params: $subscription: STRING
// returns: url, secrets
CYPHER 5
MATCH (s:Subscription {name: $subscription}) WHERE s.deliver = 'webhook'
RETURN s.url AS url, INCLUDE webhooks/signing AS secrets
