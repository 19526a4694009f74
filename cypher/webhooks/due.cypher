// Returns the names of the webhooks that have anything to do, and which events each wants.
// mode: read
// returns: name, pattern, where
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last
MATCH (s:Subscription) USING INDEX SEEK s:Subscription(deliver)
WHERE INCLUDE webhooks/is_due
RETURN s.name AS name, s.pattern AS pattern, s.where AS where ORDER BY name
