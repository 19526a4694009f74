// Gives a webhook another secret. The one before it signs too for $seconds more. No row means that there
// is no such webhook.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $secret: STRING, $seconds: FLOAT
// returns: webhook
CYPHER 5
MATCH (s:Subscription {name: $subscription}) WHERE s.deliver = 'webhook'
SET s.lk = 0
FOREACH (_ IN CASE WHEN s.secret = $secret THEN [] ELSE [1] END |
  SET s.old_secret = s.secret,
      s.old_secret_until = datetime.realtime() + duration('PT1S') * $seconds,
      s.secret = $secret)
RETURN INCLUDE webhooks/row AS webhook
