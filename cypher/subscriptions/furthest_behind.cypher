// Returns the subscription that has read least of the log, but for webhooks that want no event. Of a trigger, also what it waits for and
// has still to do counts. No row means that there is none.
// mode: read
// returns: name, position
CYPHER 5
CALL () {
  MATCH (s:Subscription) USING INDEX SEEK s:Subscription(name)
  WHERE s.name >= '' AND NOT (s.deliver = 'webhook' AND s.pattern = '')
  RETURN s.name AS name, s.position AS position ORDER BY position LIMIT 1
  UNION ALL
  MATCH (k:TriggerGroup) USING INDEX SEEK k:TriggerGroup(is_awaited, due_at)
  WHERE k.is_awaited = true AND k.due_at IS NOT NULL
  RETURN k.trigger AS name, k.position - 1 AS position ORDER BY position LIMIT 1
  UNION ALL
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(trigger)
  WHERE f.trigger >= ''
  RETURN f.trigger AS name, f.position - 1 AS position ORDER BY position LIMIT 1
}
RETURN name, position ORDER BY position LIMIT 1
