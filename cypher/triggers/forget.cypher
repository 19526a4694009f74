// Deletes what a trigger counted and waited for before it asked for something else, or was removed,
// and where it was removed its firings; $limit of each.
// mode: write
// params: $trigger: STRING, $limit: INTEGER
// returns: number
CYPHER 5
OPTIONAL MATCH (s:Subscription {name: $trigger}) WHERE s:Trigger
WITH s
CALL (s) {
  MATCH (k:TriggerGroup) USING INDEX SEEK k:TriggerGroup(trigger)
  WHERE k.trigger = $trigger AND coalesce(k.generation <> s.generation, true)
  WITH k LIMIT $limit
  DELETE k
  RETURN count(*) AS groups
}
CALL (s) {
  WITH s WHERE s IS NULL
  MATCH (f:Firing) USING INDEX SEEK f:Firing(trigger, at)
  WHERE f.trigger = $trigger AND f.at IS NOT NULL
  WITH f LIMIT $limit
  DELETE f
  RETURN count(*) AS firings
}
RETURN groups + firings AS number
