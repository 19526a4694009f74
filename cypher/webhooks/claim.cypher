// Gives the caller deliveries that are due, oldest first, for $seconds: due again after that. So many that
// all callers together have $most at most, or one where the last $broken tries have failed. Asked again with
// the same $claim it returns what that holds.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $claim: STRING, $most: INTEGER, $broken: INTEGER, $seconds: FLOAT
// returns: event_id, body, tries, url, secrets
CYPHER 5
MATCH (s:Subscription {name: $subscription})
SET s.lk = 0
WITH s, datetime.realtime() AS now WHERE s.deliver = 'webhook' AND s.disabled_at IS NULL
CALL (s, now) {
  OPTIONAL MATCH (s)-[c:SENDS]->(d:Delivery) WHERE d.due_at > now
  RETURN count(c) AS held, count(CASE WHEN c.claim = $claim THEN 1 END) AS mine
}
WITH s, now, held, CASE
    WHEN mine > 0 THEN 0
    WHEN s.failures >= $broken THEN 1
    ELSE $most
  END AS most
CALL (s, now, held, most) {
  MATCH (d:Delivery) USING INDEX SEEK d:Delivery(webhook, due_at)
  WHERE d.webhook = s.name AND d.due_at <= now
  WITH s, now, held, most, d ORDER BY d.webhook, d.due_at LIMIT $most
  WITH s, now, held, most, collect(d) AS due
  UNWIND CASE WHEN held < most THEN due[0..most - held] ELSE [] END AS d
  OPTIONAL MATCH (s)-[old:SENDS]->(d)
  DELETE old
  CREATE (s)-[:SENDS {claim: $claim}]->(d)
  SET d.due_at = now + duration('PT1S') * $seconds
}
MATCH (s)-[:SENDS {claim: $claim}]->(d:Delivery)
RETURN d.event_id AS event_id, d.body AS body, d.tries AS tries, s.url AS url,
       INCLUDE webhooks/signing AS secrets
