// Returns the triggers by name, or the one that is named, with the end of the log, how many of their
// firings are to be done and have failed, and why the last that failed did.
// mode: read
// params: $trigger: STRING
// returns: trigger, last, pending, failed, error
CYPHER 5
OPTIONAL MATCH (g:EventLog {name: 'graph_orch'})
WITH coalesce(g.last, 0) AS last
MATCH (s:Subscription) USING INDEX SEEK s:Subscription(name)
WHERE s.name >= '' AND CASE WHEN $trigger IS NULL THEN true ELSE s.name = $trigger END AND s:Trigger
CALL (s) {
  MATCH (f:PendingFiring) USING INDEX SEEK f:PendingFiring(trigger)
  WHERE f.trigger = s.name
  RETURN count(*) AS pending
}
CALL (s) {
  MATCH (f:FailedFiring) USING INDEX SEEK f:FailedFiring(trigger)
  WHERE f.trigger = s.name
  WITH f ORDER BY f.at DESC
  RETURN count(*) AS failed, head(collect(f.error)) AS error
}
RETURN properties(s) AS trigger, last, pending, failed, error ORDER BY s.name
