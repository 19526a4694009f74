// Returns the webhooks that were disabled, the first ones first, $limit at most. `behind`: how many places
// of the log they have not looked at.
// mode: read
// params: $limit: INTEGER
// returns: name, disabled_at, because, behind
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last
MATCH (s:Subscription) USING INDEX SEEK s:Subscription(deliver)
WHERE s.deliver = 'webhook' AND s.disabled_at IS NOT NULL
RETURN s.name AS name, toString(s.disabled_at) AS disabled_at, s.disabled_because AS because,
       last - s.position AS behind
ORDER BY s.disabled_at, name LIMIT $limit
