// Returns the names of the webhooks that have anything to do, which events each wants, and whether its
// receiver was slow the last time.
// mode: read
// returns: name, pattern, where, slow
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last
MATCH (s:Subscription) USING INDEX SEEK s:Subscription(deliver)
WHERE INCLUDE webhooks/is_due
RETURN s.name AS name, s.pattern AS pattern, s.where AS where, coalesce(s.slow, false) AS slow ORDER BY name
