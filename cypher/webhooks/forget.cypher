// Deletes deliveries that ended before a time, with their tries, $limit at most of either end that a
// delivery of a webhook may have.
// mode: write
// seconds: 120
// params: $subscription: STRING, $cutoff: STRING, $limit: INTEGER
// returns: number
CYPHER 5
CALL () {
  MATCH (d:Delivery) USING INDEX SEEK d:Delivery(webhook, delivered_at)
  WHERE d.webhook = $subscription AND d.delivered_at <= datetime($cutoff)
  RETURN d LIMIT $limit
  UNION
  MATCH (d:Delivery) USING INDEX SEEK d:Delivery(webhook, failed_at)
  WHERE d.webhook = $subscription AND d.failed_at <= datetime($cutoff)
  RETURN d LIMIT $limit
}
CALL (d) {
  OPTIONAL MATCH (d)-[:ATTEMPTED]->(a:Attempt)
  DETACH DELETE a
}
DETACH DELETE d
RETURN count(*) AS number
