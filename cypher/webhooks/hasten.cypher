// Makes deliveries due at once, as if they had not been tried: the one of the event that is named, also
// where it was made; or $limit of those that wait to be tried again, and as many of those that were given
// up, where these are meant too. None that is under way.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $event_id: STRING, $also_given_up: BOOLEAN, $limit: INTEGER
// returns: number
CYPHER 5
MATCH (s:Subscription {name: $subscription}) WHERE s.deliver = 'webhook'
SET s.lk = 0
WITH s
CALL (s) {
  WITH s WHERE $event_id IS NOT NULL
  MATCH (d:Delivery {webhook: s.name, event_id: $event_id})
  RETURN d
  UNION
  WITH s WHERE $event_id IS NULL
  MATCH (d:Delivery) USING INDEX SEEK d:Delivery(webhook, due_at)
  WHERE d.webhook = s.name AND d.due_at IS NOT NULL AND d.tries > 0
    AND NOT EXISTS { (s)-[:SENDS]->(d) }
  RETURN d LIMIT $limit
  UNION
  WITH s WHERE $event_id IS NULL AND $also_given_up
  MATCH (d:Delivery) USING INDEX SEEK d:Delivery(webhook, failed_at)
  WHERE d.webhook = s.name AND d.failed_at IS NOT NULL
  RETURN d LIMIT $limit
}
SET d.due_at = datetime.realtime(), d.tries = 0
REMOVE d.delivered_at, d.failed_at
RETURN count(d) AS number
