// Makes a delivery of what is no event of the log. No row means that there is no such webhook, or
// that it is disabled: each post has a body, and nobody would take them.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $event_id: STRING, $type: STRING, $task_id: STRING, $body: STRING
// returns: event_id
CYPHER 5
MATCH (s:Subscription {name: $subscription}) WHERE s.deliver = 'webhook'
SET s.lk = 0
WITH s, datetime.realtime() AS now WHERE s.deliver = 'webhook' AND s.disabled_at IS NULL
MERGE (d:Delivery {webhook: s.name, event_id: $event_id})
ON CREATE SET d.created_at = now, d.type = $type, d.task_id = $task_id, d.body = $body,
  d.due_at = now, d.tries = 0
RETURN d.event_id AS event_id
