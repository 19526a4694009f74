// Returns the webhooks by name, or the one that is named, and the end of the log.
// mode: read
// params: $subscription: STRING
// returns: webhook, last
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last
MATCH (s:Subscription) USING INDEX SEEK s:Subscription(deliver)
WHERE s.deliver = 'webhook'
  AND CASE WHEN $subscription IS NULL THEN true ELSE s.name = $subscription END
RETURN INCLUDE webhooks/row AS webhook, last ORDER BY s.name
