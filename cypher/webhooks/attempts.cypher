// Returns the last tries of a webhook, or those to deliver one event, newest first.
// mode: read
// params: $subscription: STRING, $event_id: STRING, $limit: INTEGER
// returns: attempt
CYPHER 5
CALL () {
  WITH 1 AS one WHERE $event_id IS NULL
  MATCH (a:Attempt) USING INDEX SEEK a:Attempt(webhook, at)
  WHERE a.webhook = $subscription AND a.at IS NOT NULL
  RETURN a ORDER BY a.webhook DESC, a.at DESC LIMIT $limit
  UNION
  WITH 1 AS one WHERE $event_id IS NOT NULL
  MATCH (:Delivery {webhook: $subscription, event_id: $event_id})-[:ATTEMPTED]->(a:Attempt)
  RETURN a ORDER BY a.at DESC LIMIT $limit
}
RETURN properties(a) AS attempt ORDER BY a.at DESC
