// Returns the subscriptions by name, or the one that is named, and the end of the log.
// mode: read
// params: $subscription: STRING
// returns: subscription, last
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last
MATCH (s:Subscription) USING INDEX SEEK s:Subscription(name)
WHERE s.name >= '' AND CASE WHEN $subscription IS NULL THEN true ELSE s.name = $subscription END
RETURN INCLUDE subscriptions/row AS subscription, last ORDER BY s.name
