// Returns what was put for a set of declared things: the kind and the name of each.
// mode: read
// params: $set_name: STRING
// returns: found
CYPHER 5
CALL () {
  MATCH (s:Subscription) USING INDEX SEEK s:Subscription(name)
  WHERE s.name >= '' AND s.declared_by = $set_name
  RETURN [CASE WHEN s:Trigger THEN 'trigger' ELSE 'subscription' END, s.name] AS it
  UNION ALL
  MATCH (s:Schedule) USING INDEX SEEK s:Schedule(name)
  WHERE s.name >= '' AND s.declared_by = $set_name
  RETURN ['schedule', s.name] AS it
}
RETURN collect(it) AS found
