// Ends a subscription, and deletes $limit of its deliveries with their tries. It goes with the last of
// them, so that no transaction grows with its history. No row means that there is none of that
// name, or that it is a trigger.
// Locks: the subscription.
// mode: write
// seconds: 120
// params: $subscription: STRING, $limit: INTEGER
// returns: gone
CYPHER 5
MATCH (s:Subscription {name: $subscription}) WHERE NOT s:Trigger
SET s.lk = 0
REMOVE s.deliver
WITH s
CALL (s) {
  MATCH (d:Delivery) USING INDEX SEEK d:Delivery(webhook, event_id)
  WHERE d.webhook = s.name AND d.event_id IS NOT NULL
  WITH d LIMIT $limit
  CALL (d) {
    OPTIONAL MATCH (d)-[:ATTEMPTED]->(a:Attempt)
    DETACH DELETE a
  }
  DETACH DELETE d
  RETURN count(*) AS taken
}
FOREACH (_ IN CASE WHEN taken < $limit THEN [1] ELSE [] END | DETACH DELETE s)
RETURN taken < $limit AS gone
