// Makes a subscription that was just put a webhook. It keeps its secret, unless it has none or $is_given.
// At another URL it is enabled, and begins without failures. `is_new`: it has this secret now.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $url: STRING, $secret: STRING, $is_given: BOOLEAN
// returns: webhook, is_new
CYPHER 5
MATCH (s:Subscription {name: $subscription})
SET s.lk = 0
FOREACH (_ IN CASE WHEN s.url = $url THEN [] ELSE [1] END |
  REMOVE s.disabled_at, s.disabled_because, s.failing_since
  SET s.failures = 0)
SET s.url = $url,
    s.secret = CASE WHEN $is_given THEN $secret ELSE coalesce(s.secret, $secret) END
RETURN INCLUDE webhooks/row AS webhook, s.secret = $secret AS is_new
