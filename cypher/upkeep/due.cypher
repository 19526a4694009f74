// Says which kinds of upkeep are due: whether there is anything for a schedule to create, and for a
// webhook to deliver.
// mode: read
// returns: scheduled, delivered
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last, coalesce(g.given > g.last, false) AS more
RETURN EXISTS {
  MATCH (s:Schedule) USING INDEX SEEK s:Schedule(next_at) WHERE s.next_at <= datetime()
} AS scheduled, EXISTS {
  MATCH (s:Subscription) USING INDEX SEEK s:Subscription(deliver) WHERE INCLUDE webhooks/is_due
} OR (more OR EXISTS { (:NewEvent) }) AND EXISTS {
  MATCH (s:Subscription) USING INDEX SEEK s:Subscription(deliver)
  WHERE s.deliver = 'webhook' AND s.disabled_at IS NULL
} AS delivered
